/* What a bouncer knows of one address, for verbs that ask (bouncer/asked.h): read from the ledger and its copy of the table, a few look-ups;
 * and the same as bytes: one of flags, then the entry. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_STANDING_H
#define LEVERET_BOUNCER_SUPPRESSIONS_STANDING_H

#include "bouncer/suppressions/present.h"
#include "lib/base/buf.h"

struct standing {
	bool is_known;	  /* there is an entry, maybe a removal or one that has expired */
	bool is_own;	  /* of the ledger that was asked, with its evidence */
	bool is_in_table; /* the replicated table has it, or a later one */
	bool is_table_whole; /* the bouncer's copy of it is complete: what it does not find there is not there */
	struct suppression entry;
};

struct standing_place {
	struct bytes tenant, stream;
	const char *address; /* as of suppression_address() */
};

/* The entry that stops this mail at wall_ms, as suppressions_find() would find it; not known: none does. In the arena; is_table_whole is left to the caller, the store's errors are given. */
enum err standing_find(struct store_txn *txn, const struct ledger_databases *databases,
		       const struct standing_place *place, int64_t wall_ms, struct arena *arena,
		       struct standing *ret) MUST_USE;
/* What stands at exactly this place. */
enum err standing_at(struct store_txn *txn, const struct ledger_databases *databases,
		     const struct standing_place *place, struct arena *arena,
		     struct standing *ret) MUST_USE;
bool standing_is_in_force(const struct standing *standing, int64_t wall_ms);

enum err standing_write(const struct standing *standing, struct buf *out) MUST_USE;
/* Into the arena. E_MALFORMED. */
enum err standing_read(struct arena *arena, struct bytes in, struct standing *ret) MUST_USE;
/* Of answers of two bouncers: does the second tell more? */
bool standing_tells_more(const struct standing *than, const struct standing *standing);

#endif
