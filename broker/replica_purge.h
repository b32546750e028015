/* Deletes from a table's copy what is over: what stands before its cut (broker/replica_rows.h), and, where rows end by age (suppressions), what
 * ended long ago: removals, and entries that expired. In steps, some rows at a time, so that neither the loop nor other jobs wait; several
 * processes of a host may do it at once. Used on one loop. Not for others. */
#ifndef LEVERET_BROKER_REPLICA_PURGE_H
#define LEVERET_BROKER_REPLICA_PURGE_H

#include "broker/replica_rows.h"

struct replica_purge;
/* `rows` is borrowed. It begins when it is started: at once where there is a cut, else, by age, some minutes later and again every some
 * hours. */
struct replica_purge *replica_purge_new(struct loop *loop, struct store *store,
					const struct replica_rows *rows, bool ends_by_age);
void replica_purge_free(struct replica_purge **purge); /* NULL allowed; waits for its job */
void replica_purge_start(struct replica_purge *purge); /* the copy is complete */
void replica_purge_start_now(struct replica_purge *purge);

#endif
