/* This node's copy of a replicated table, in LMDB: follows the table and answers look-ups at once, on any thread.
 * Several processes of a host may share the store: an entry is applied only over a lower version of its key. A write that fails
 * for want of space is tried again; one that fails for good ends the following, and the copy stays as it was. Memory is bounded:
 * a table that comes faster than it can be written is followed in parts. */
#ifndef LEVERET_BROKER_REPLICA_H
#define LEVERET_BROKER_REPLICA_H

#include "broker/broker.h"
#include "lib/base/arena.h"
#include "lib/store/store.h"

struct replica;

/* Databases the store must have been opened with, for all tables. */
#define REPLICA_DATABASES                                                                          \
	"table.suppressions", "table.directives", "table.sites", "table.webhooks", "table.positions"

/* Longest value of a table. An entry that is longer, or has no key or one that the store cannot keep, is passed over. */
#define REPLICA_VALUE_MAX 8192

/* `caught_up` (NULL allowed) is called once per connection to the broker, when the copy is complete. */
struct replica *replica_new(struct broker *broker, struct loop *loop, struct store *store,
			    const char *table, void (*caught_up)(void *owner), void *owner);
/* A copy for a while, of what somebody asked for: in a store of its own, as a table may be larger than memory. */
struct replica_selection {
	/* What is kept of a value, maybe in the arena; none: nothing. */
	struct bytes (*keep)(void *owner, struct arena *arena, struct bytes value);
	/* Some entries were written; also before it is complete. */
	void (*changed)(void *owner);
	void (*caught_up)(void *owner);		   /* as of replica_new() */
	void (*failed)(void *owner, enum err err); /* the store is full, or has failed for good */
	void *owner;
};
/* The selection is borrowed until replica_free(), which is not to be called from its calls. */
struct replica *replica_select(struct broker *broker, struct loop *loop, struct store *store,
			       const char *table, const struct replica_selection *selection);
void replica_free(struct replica **replica);
/* Told after each batch that changed a row, of one entry or many, and when the copy is complete: whoever keeps the table in memory too reads it again. */
void replica_watch(struct replica *replica, void (*applied)(void *owner), void *owner);
bool replica_is_complete(
	const struct replica
		*replica); /* it was caught up at least once; NULL, which was freed, is not */

uint64_t replica_count(struct replica *replica); /* of keys, removed ones too */
/* Removals, and suppressions that expired, keep their rows here so long; then they are deleted, some times a day. The table has them longer
 * (bouncer/suppressions/purge.h): a host that was away learns of a removal by it. */
#define REPLICA_ENDED_KEPT_MS UINT64_C(2592000000)
/* Now, and not at its time. */
void replica_purge_now(struct replica *replica);

/* The value of a key, copied into out (max `size`); E_NOT_FOUND when absent or removed, E_TOO_BIG. */
enum err replica_get(struct replica *replica, struct bytes key, uint8_t *out, size_t size,
		     size_t *ret_len) MUST_USE;

/* Each entry from the first key >= `from` on, copied into the arena, until `each` returns false; removed ones are passed over. */
enum err replica_each(struct replica *replica, struct bytes from, struct arena *arena,
		      bool (*each)(void *owner, const struct table_entry *entry),
		      void *owner) MUST_USE;

/* ---- for jobs and walks on the databases themselves ---- */

struct replica_value { /* borrowed from the transaction */
	uint64_t version;
	bool is_removed; /* a tombstone: kept, so that an older entry that comes late finds a higher version */
	uint64_t place; /* position in the table at which it was seen last; UINT64_MAX: not known */
	bool is_undercut; /* behind that place stands an older entry of the key: whoever reads the table from between them is misled */
	struct bytes value;
};
/* What store_get() or store_each() found in "table.<name>". E_MALFORMED. */
enum err replica_parse(struct bytes stored, struct replica_value *ret) MUST_USE;
/* Write an entry if its version is higher than what stands at its key. */
enum err replica_apply(struct store_txn *txn, int database,
		       const struct table_entry *entry) MUST_USE;
/* Forget a table and where its following stood, so that the next following begins at the beginning. */
enum err replica_forget(struct store_txn *txn, struct store *store, const char *table) MUST_USE;

#endif
