/* Entries of a table that came together, on their way into the copy: gathered on the loop, applied by one job on the store's thread.
 * Not for others. */
#ifndef LEVERET_BROKER_REPLICA_BATCH_H
#define LEVERET_BROKER_REPLICA_BATCH_H

#include "broker/replica_rows.h"
#include "lib/base/arena.h"

struct batch {
	struct arena *arena;
	struct pending *first, **end;
	uint64_t position; /* of the last entry that came, applied or passed over */
	uint64_t highest;  /* version */
	uint64_t cut;	   /* MARK_CUT; 0: none */
	bool has_position;
	bool is_made_anew; /* the table was: what is known of an earlier one says nothing of it */
	bool is_caught_up; /* to be told when this is applied */
	bool is_selection; /* there is no row for a key of which nothing is kept */
	bool has_changed;  /* applied: a value, and not only where it stands */
};

void batch_init(struct batch *batch);
void batch_done(struct batch *batch);
bool batch_is_empty(const struct batch *batch);
size_t batch_bytes(const struct batch *batch);
/* `value`, maybe in the batch's arena, is what is kept of the entry's. */
void batch_add(struct batch *batch, const struct table_entry *entry, struct bytes value,
	       uint64_t position);
/* All of it and its marks, or nothing. May run again. */
enum err batch_apply(struct batch *batch, const struct replica_rows *rows,
		     struct store_txn *txn) MUST_USE;

#endif
