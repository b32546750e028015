/* Returned mail, from the queues that ingest puts it into to what follows of it: suppressions, events, or a queue for people.
 *
 *   bouncer.dsn, fbl, unsub, mail --> InboundMail --> report --> findings --> suppressor, teller --> seen --> ack
 *                                                           '--> bouncer.unknown, bouncer.reports ---------> ack
 *
 * A lease is acked when all that follows of it is kept. Large mails are read on a thread of their own. Used on one loop. */
#ifndef LEVERET_BOUNCER_INBOUND_INBOUND_H
#define LEVERET_BOUNCER_INBOUND_INBOUND_H

#include "bouncer/classification/verdicts.h"
#include "bouncer/inbound/seen.h"
#include "bouncer/suppressions/suppressor.h"
#include "bouncer/telling/teller.h"
#include "broker/broker.h"

#define INBOUND_DATABASES SEEN_DATABASE

/* What reports may do that nobody proved: order of act_on_unverified in bouncer.def. */
enum unverified_policy { UNVERIFIED_NEVER, UNVERIFIED_BOUNCES, UNVERIFIED_ALL };

struct inbound_options { /* borrowed */
	struct broker *broker;
	struct loop *loop;
	struct store *store;	       /* with INBOUND_DATABASES */
	const struct returns *returns; /* NULL: nothing can be proved */
	const struct verdicts *verdicts;
	const struct policies *policies;
	struct suppressor *suppressor;
	struct teller *teller;
	enum unverified_policy unverified;
	/* The store is broken: nothing may be acknowledged. Does not return. */
	void (*store_failed)(enum err err);
	void (*idle)(void *owner); /* the last mail was settled; maybe from inside a call */
	void *owner;
};

struct inbound;
struct inbound *inbound_new(const struct inbound_options *options);
void inbound_stop(struct inbound *inbound); /* takes nothing new */
bool inbound_is_idle(const struct inbound *inbound);
/* Before the broker is closed: what is being read is finished, leases go back. */
void inbound_give_back(struct inbound *inbound);
void inbound_free(struct inbound **inbound); /* after the broker was closed and the store drained */

#endif
