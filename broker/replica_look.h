/* Looking into a table's copy, in transactions of one's own: as of replica_get() and its neighbours. Any thread. Not for others. */
#ifndef LEVERET_BROKER_REPLICA_LOOK_H
#define LEVERET_BROKER_REPLICA_LOOK_H

#include "broker/replica_rows.h"

enum err rows_get(struct store *store, const struct replica_rows *rows, struct bytes key,
		  uint8_t *out, size_t size, size_t *ret_len) MUST_USE;
enum err rows_each(struct store *store, const struct replica_rows *rows, struct bytes from,
		   struct arena *arena, bool (*each)(void *owner, const struct table_entry *entry),
		   void *owner) MUST_USE;
uint64_t rows_count(struct store *store, const struct replica_rows *rows);
uint64_t rows_mark_now(struct store *store, const struct replica_rows *rows,
		       enum replica_mark mark);

#endif
