/* The truth about suppressions: kept in the bouncer's own store, and carried from there to the replicated table.
 *
 * Recording is one store job that compares and writes, then an append to the table. A record is done when both are confirmed: not
 * before may what asked for it be acked. What fails for now (disk full, broker away) is tried again until it succeeds. Recording
 * the same thing twice writes it once. Used on one loop. */
#ifndef LEVERET_BOUNCER_LEDGER_H
#define LEVERET_BOUNCER_LEDGER_H

#include "broker/broker.h"
#include "broker/suppressions.h"
#include "lib/store/store.h"
#include "schemas/schemas.h"

/* Databases the store must have been opened with. The replica in it is this ledger's own, see bouncer/audit.h. */
#define LEDGER_DATABASE	 "suppressions"
#define LEDGER_DATABASES LEDGER_DATABASE, REPLICA_DATABASES

#define ORIGIN_BOUNCE	"bounce"
#define ORIGIN_OPERATOR "operator"

struct ledger;

struct ledger *ledger_new(struct broker *broker, struct loop *loop, struct store *store);
/* Before the broker is closed: nothing is tried again any more; what is under way ends E_CANCELLED at the latest in ledger_free(). */
void ledger_stop(struct ledger *ledger);
void ledger_free(struct ledger **ledger); /* after the broker was closed */

/* Suppress an address or, with is_removed, lift that. `wish` (copied) has its address canonical and its origin one of the above.
 * A bounce does not change what is in force already, nor what an operator lifted after it was sent.
 * E_TOO_BIG, E_MALFORMED: it cannot be kept. E_IO: the store has failed for good. E_CANCELLED: stopped. */
void ledger_record(struct ledger *ledger, const struct suppression *wish,
		   void (*done)(void *owner, enum err err), void *owner);

#endif
