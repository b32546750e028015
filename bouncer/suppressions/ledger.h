/* The truth about suppressions: kept in the bouncer's own store, and carried from there to the replicated table.
 *
 * Recording is one store job that compares and writes, then an append to the table. A record is done when both are confirmed: not
 * before may what asked for it be acked. What fails for now (disk full, broker away) is tried again until it succeeds. Recording
 * the same thing twice writes it once. Used on one loop. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_LEDGER_H
#define LEVERET_BOUNCER_SUPPRESSIONS_LEDGER_H

#include "bouncer/telling/teller.h"
#include "broker/broker.h"
#include "broker/suppressions.h"
#include "lib/store/store.h"
#include "schemas/schemas.h"

/* Databases the store must have been opened with. The replica in it is this ledger's own, see bouncer/suppressions/audit.h. */
#define LEDGER_DATABASE	 "suppressions"
#define SAFETY_DATABASE	 "safety"
#define OUTBOX_DATABASE	 "untold"
#define LEDGER_DATABASES LEDGER_DATABASE, SAFETY_DATABASE, OUTBOX_DATABASE, REPLICA_DATABASES

#define ORIGIN_BOUNCE	"bounce"
#define ORIGIN_REPORT	"report" /* returned mail, unsubscriptions */
#define ORIGIN_OPERATOR "operator"
#define ORIGIN_IMPORT	"import"

struct ledger;

struct ledger_options {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	struct teller *teller; /* told of what changes; NULL: nobody is */
	uint64_t hourly_max;   /* of limited orders that suppress; 0: no limit */
	bool holds;	       /* what exceeds it is held; else there is only an alert */
};
struct ledger *ledger_new(const struct ledger_options *options);
/* Before the broker is closed: nothing is tried again any more; what is under way ends E_CANCELLED at the latest in ledger_free(). */
void ledger_stop(struct ledger *ledger);
void ledger_free(struct ledger **ledger); /* after the broker was closed */

struct ledger_order {
	struct suppression entry; /* is_removed: lift it; is_held: the one that is held */
	bool is_limited;	  /* by hourly_max */
	bool is_one_of_many;   /* not logged by itself: who orders them tells how many there were */
	uint64_t only_version; /* of a removal: only while that version stands; 0: any */
};

/* `order` is copied; its address is as of suppression_address(), its origin one of the above. A bounce or report does not change what is
 * in force already (but for one that lasts for ever, where that does not), nor what an operator lifted after it happened; an import
 * does not change what is in force. A limited order for an address that is held changes nothing.
 * E_TOO_BIG, E_MALFORMED: it cannot be kept. E_IO: the store has failed for good. E_CANCELLED: stopped. */
void ledger_record(struct ledger *ledger, const struct ledger_order *order,
		   void (*done)(void *owner, enum err err), void *owner);

#endif
