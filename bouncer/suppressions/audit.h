/* Sees to it that the suppressions table has everything that the ledger has. A crash between the ledger's commit and the append, or
 * a broker that lost its last moments in a power cut, leaves the table short; nobody else would notice.
 *
 * After each connection to the broker the whole table is read anew into a replica in the bouncer's own store (what an earlier
 * replica holds proves nothing of a broker that forgot), then both are walked side by side and what is missing is appended. From then on
 * what is in force is appended again before the broker cuts it off (broker/replica_renewal.h). */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_AUDIT_H
#define LEVERET_BOUNCER_SUPPRESSIONS_AUDIT_H

#include "broker/broker.h"
#include "lib/store/store.h"

struct audit;

/* The store as for ledger_new(). Used on one loop. */
struct audit *audit_new(struct broker *broker, struct loop *loop, struct store *store);
void audit_start(struct audit *audit); /* connected; again after each reconnection */
/* The replica has the whole table as the broker has it. */
bool audit_has_table(const struct audit *audit);
void audit_stop(struct audit *audit);  /* before the broker is closed */
void audit_free(struct audit **audit); /* after it */

#endif
