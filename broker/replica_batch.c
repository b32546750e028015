#include "broker/replica_batch.h"

struct pending {
	struct table_entry entry;
	uint64_t position;
	struct pending *next;
};

void batch_init(struct batch *batch)
{
	*batch = (struct batch){.arena = arena_new()};
	batch->end = &batch->first;
}

void batch_done(struct batch *batch)
{
	arena_free(&batch->arena);
}

bool batch_is_empty(const struct batch *batch)
{
	return !batch->first && !batch->has_position && !batch->is_caught_up;
}

size_t batch_bytes(const struct batch *batch)
{
	return arena_bytes(batch->arena);
}

void batch_add(struct batch *batch, const struct table_entry *entry, struct bytes value,
	       uint64_t position)
{
	struct pending *pending = arena_alloc(batch->arena, sizeof *pending);
	*pending = (struct pending){
		.entry = {.key = arena_copy(batch->arena, entry->key),
			  .value = arena_copy(batch->arena, value),
			  .version = entry->version},
		.position = position,
	};
	if (entry->version > batch->highest)
		batch->highest = entry->version;
	*batch->end = pending;
	batch->end = &pending->next;
}

/* The position may go back, when the table was made anew or another process of this host had come further: then some entries come again. */
static enum err write_marks(const struct batch *batch, const struct replica_rows *rows,
			    struct store_txn *txn)
{
	enum err err = OK;
	if (batch->highest > rows_mark(rows, txn, MARK_HIGHEST))
		err = rows_set_mark(rows, txn, MARK_HIGHEST, batch->highest);
	if (!err && batch->cut > 0)
		err = rows_set_mark(rows, txn, MARK_CUT, batch->cut);
	if (!err && batch->has_position)
		err = rows_set_mark(rows, txn, MARK_POSITION, batch->position);
	return err;
}

static bool is_of_interest(const struct batch *batch, const struct replica_rows *rows,
			   struct store_txn *txn, const struct table_entry *entry)
{
	struct bytes stored;
	return !batch->is_selection || entry->value.len > 0 ||
	       store_get(txn, rows->database, entry->key, &stored) != E_NOT_FOUND;
}

enum err batch_apply(struct batch *batch, const struct replica_rows *rows, struct store_txn *txn)
{
	enum err err = OK;
	batch->has_changed = false;
	if (batch->is_made_anew)
		err = rows_forget_mark(rows, txn, MARK_HORIZON);
	uint64_t horizon = rows_mark(rows, txn, MARK_HORIZON);
	for (const struct pending *p = batch->first; p && !err; p = p->next)
		if (is_of_interest(batch, rows, txn, &p->entry))
			err = rows_apply(rows, txn, &p->entry, p->position, horizon,
					 &batch->has_changed);
	return err ? err : write_marks(batch, rows, txn);
}
