/* Deletes what ended long ago, removals and entries that expired, from the ledger and from the table: some times a day, in steps. Until
 * then a bounce from before a removal changes nothing, and a host that was away learns of the removal; nodes keep such rows for
 * less long (broker/replica.h). Used on one loop. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_PURGE_H
#define LEVERET_BOUNCER_SUPPRESSIONS_PURGE_H

#include "broker/broker.h"
#include "lib/store/store.h"

/* From the writing of a removal on; from the end of an entry. */
#define LEDGER_ENDED_KEPT_MS INT64_C(15552000000) /* 180 days */

struct purge;
/* The store as for ledger_new(). It begins by itself. */
struct purge *purge_new(struct broker *broker, struct loop *loop, struct store *store);
void purge_now(struct purge *purge);   /* and not at its time */
void purge_stop(struct purge *purge);  /* before the broker is closed */
void purge_free(struct purge **purge); /* after it; NULL allowed */

#endif
