/* What stands at a key: the later of what this bouncer's ledger and its copy of the table have. Reads only. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_PRESENT_H
#define LEVERET_BOUNCER_SUPPRESSIONS_PRESENT_H

#include "lib/base/arena.h"
#include "lib/store/store.h"
#include "schemas/schemas.h"

struct ledger_databases {
	int own, table, safety, outbox;
};

struct present {
	bool is_known;
	bool is_own; /* of the ledger, with its evidence; the table's copy has none */
	struct suppression suppression; /* its version and is_removed always count */
	bool has_table_version;
	uint64_t table_version;
};

/* Into the arena. The store's errors; what cannot be read counts as not there. */
enum err present_read(struct store_txn *txn, const struct ledger_databases *databases,
		      struct bytes key, struct arena *arena, struct present *ret) MUST_USE;

#endif
