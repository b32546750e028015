/* Deletes from a copy of the suppressions table what ended long ago: removals, and entries that expired. In steps, some rows at a time, so
 * that neither the loop nor other jobs wait; several processes of a host may do it at once. Used on one loop. Not for others. */
#ifndef LEVERET_BROKER_REPLICA_PURGE_H
#define LEVERET_BROKER_REPLICA_PURGE_H

#include "broker/replica_rows.h"

struct replica_purge;
/* `rows` is borrowed. It begins when it is started, some minutes later, and again every some hours. */
struct replica_purge *replica_purge_new(struct loop *loop, struct store *store,
					const struct replica_rows *rows);
void replica_purge_free(struct replica_purge **purge); /* NULL allowed; waits for its job */
void replica_purge_start(struct replica_purge *purge); /* the copy is complete */
void replica_purge_start_now(struct replica_purge *purge);

#endif
