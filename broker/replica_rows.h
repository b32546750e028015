/* The rows of a table's copy and the marks that stand beside them, in one store: what jobs of the replica read and write. Not for others.
 *
 * A row tells where in the table its entry was seen last: one that an engine cuts off (table_kept_ms()) is appended again by its owner, and
 * is then seen again, further on. That changes the row's place and nothing else.
 *
 * Marks: where the following stood; the highest version that was seen; the horizon; and the cut. What ended before the horizon has been deleted,
 * removals too, so an entry below it that finds no row was seen before and is passed over: it came again, and would undo a removal. What
 * has its place before the cut is not in the table any more: the copy was read from the table's beginning since, and it was not there. */
#ifndef LEVERET_BROKER_REPLICA_ROWS_H
#define LEVERET_BROKER_REPLICA_ROWS_H

#include "broker/replica.h"

#define TABLE_NAME_MAX 40

enum replica_mark { MARK_POSITION, MARK_HIGHEST, MARK_HORIZON, MARK_CUT, MARK_COUNT };
#define PLACE_UNKNOWN UINT64_MAX

struct replica_rows {
	char table[TABLE_NAME_MAX + 1];
	int database, marks;
};
void rows_init(struct replica_rows *rows, const struct store *store, const char *table);

/* 0 when it was never written. */
uint64_t rows_mark(const struct replica_rows *rows, struct store_txn *txn, enum replica_mark mark);
enum err rows_set_mark(const struct replica_rows *rows, struct store_txn *txn,
		       enum replica_mark mark, uint64_t value) MUST_USE;
enum err rows_forget_mark(const struct replica_rows *rows, struct store_txn *txn,
			  enum replica_mark mark) MUST_USE;

/* As replica_apply(), but for what the horizon says is over; the entry was seen at that position. *has_changed is set, never cleared:
 * another value stands there now, or a removal. */
enum err rows_apply(const struct replica_rows *rows, struct store_txn *txn,
		    const struct table_entry *entry, uint64_t position, uint64_t horizon,
		    bool *has_changed) MUST_USE;

#endif
