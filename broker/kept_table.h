/* A table as its owner has it: a copy, and the renewal of what is in force in it. For tables whose rows stand nowhere else. Used on one loop. */
#ifndef LEVERET_BROKER_KEPT_TABLE_H
#define LEVERET_BROKER_KEPT_TABLE_H

#include "broker/replica_renewal.h"

struct kept_table;
/* As replica_new() and renewal_new(). */
struct kept_table *kept_table_new(struct broker *broker, struct loop *loop, struct store *store,
				  const char *table, renewal_judge judge, void *owner);
struct replica *kept_table_copy(struct kept_table *kept);
void kept_table_free(struct kept_table **kept); /* after the broker was closed; NULL allowed */

/* For tables of directives that hold until a time: what is over is not renewed. `owner` is the loop. */
enum renewal kept_table_judge_directive(void *owner, struct store_txn *txn, struct arena *arena,
					const struct table_entry *row, struct bytes *value);

#endif
