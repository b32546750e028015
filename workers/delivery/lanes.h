/* Everything that waits for a next hop, and the connections that carry it there. A lane is one next hop from one source; lanes of one
 * site share that site's limits (workers/limits/), and all lanes the worker's. Lives on one loop.
 *
 * The limits of a named site hold over all workers. When others have all of one, the site is parked: nothing of it is worth holding
 * here. A lane of another site that does not get on gives back what is too much to wait for. */
#ifndef LEVERET_WORKERS_DELIVERY_LANES_H
#define LEVERET_WORKERS_DELIVERY_LANES_H

#include <sys/queue.h>

#include "broker/site_limits.h"
#include "workers/delivery/exchanger.h"
#include "workers/delivery/shaper.h"
#include "workers/delivery/sources.h"
#include "workers/limits/allowance.h"
#include "workers/smtp/client.h"
#include "workers/taps/taps.h"

struct lanes;
struct lanes_options {
	struct loop *loop;
	struct broker *broker; /* for limits that are shared; NULL: none is */
	struct smtp_client *client;
	struct exchanger *exchanger;
	const struct routing *routing;
	const struct worker_settings *settings; /* max_sessions */
	struct shaper *shaper;			/* NULL: nothing is shaped */
	const struct site_limits *limits;	/* changed at run time; NULL: none are */
	struct taps *taps;			/* NULL: nobody watches */
	struct tls_tallies *tallies; /* of sessions, for reports on TLS; NULL: none are counted */
	/* A site's mail is to stay in its queues, or may come again: from the loop, never from inside a call. NULL: nobody asks. */
	void (*parked)(void *owner, const char *site, bool is_parked);
	/* A domain of the tail has much to do (settings: hot_waiting), or a site that is lent has something. NULL: nobody asks. */
	void (*hot)(void *owner, const char *site);
	/* The domain that has a site that is lent; "": none, or it is no such site. NULL: nobody has. */
	const char *(*lent_to)(void *owner, const char *site);
	void *owner;
};
struct lanes *lanes_new(const struct lanes_options *options);
/* After smtp_client_free(). Transactions still there are forgotten, without upcalls. */
void lanes_free(struct lanes **lanes);

/* What was done for one recipient; borrowed for the upcall. */
struct attempt {
	const struct smtp_outcome *outcome;
	const char *step;		  /* the outcome's, or "dns" */
	const char *remote_host;	  /* "" when no connection was tried */
	const struct net_address *remote; /* NULL when no connection was tried */
	const char *tls;		  /* "" in the clear */
	const char *esmtp;		  /* keywords that the host offered, with commas between */
	uint32_t took_ms;		  /* since the transaction was begun; 0: it was not */
	const struct source *source;
	struct ruling ruling; /* what shaping rules say of it */
};

struct transaction;
enum preparation {
	PREPARED,	/* what is to be sent is there */
	PREPARED_LATER, /* transaction_prepared() will come; it may be asked again before that */
	PREPARED_NEVER, /* it cannot be sent, and the owner has told what that means; `done` comes at once */
};
struct transaction_handler {
	/* Right before it is sent, the second time too. NULL: there is nothing to do. */
	enum preparation (*prepare)(struct transaction *transaction);
	/* Once per recipient, any order, then `done`, when the transaction belongs to its owner again. Never from inside lanes_submit(). */
	void (*recipient_done)(struct transaction *transaction, size_t index,
			       const struct attempt *attempt);
	void (*done)(struct transaction *transaction);
	/* In place of both: it was not tried, and should come again after that time. NULL: it waits here. */
	void (*postponed)(struct transaction *transaction, int64_t delay_ms);
};
/* One mail for recipients that share a next hop. Embedded in its owner's, who keeps it until `done`. */
struct transaction {
	struct smtp_transaction mail;
	const struct transaction_handler *handler;
	uint8_t *unsent;	       /* zeroed, one for each recipient: scratch of the lane */
	struct bytes tenant, campaign; /* who take turns; none: mail without one */
	bool is_urgent;		       /* goes before those who are not */
	const struct bytes
		*ids; /* of the message, as each recipient knows it; for taps. NULL: not known */
	/* private */
	struct lane *lane; /* where it waits; NULL: under way */
	struct link *link; /* which waits for its preparation; NULL: none does */
	bool is_second_try;
	struct party *by_tenant, *by_campaign; /* whose limits it counts against; NULL: none */
	int64_t since_ms;		       /* it waits */
	TAILQ_ENTRY(transaction) next;
};

struct lane_name { /* copied, but for the source */
	const char *next_hop;
	const struct route_settings *route; /* whose host it is; NULL: a domain, by MX */
	bool heeds_no_tls; /* it goes whatever is asked of TLS, and is not counted */
	bool require_tls;  /* RFC 8689: verified TLS, to hosts that pass this on */
	const char *site;  /* whose settings and limits hold */
	const struct source *source;
};
void lanes_submit(struct lanes *lanes, const struct lane_name *name,
		  struct transaction *transaction);
/* How long mail for a site from this source would wait for the source's rate there, behind what waits already. */
int64_t lanes_source_wait_ms(const struct lanes *lanes, const struct source *source,
			     const char *site);
/* After PREPARED_LATER, on the loop, for a transaction that is not done. It can be sent now; or it never can, and the owner has told what
 * that means: `done` comes at once. */
void transaction_prepared(struct transaction *transaction, bool can_be_sent);
/* Take back a transaction that still waits: no upcall comes. False when it is under way. */
bool transaction_withdraw(struct transaction *transaction);
/* The limits that were changed at run time may be others now, or over. */
void lanes_relimit(struct lanes *lanes);
/* Begin nothing new, while its outcome could not be recorded. What is under way goes on. Held at birth. */
void lanes_hold(struct lanes *lanes, bool is_held);

/* ---- for operators: lanes_view.c ---- */

struct lanes_site_view {
	struct limits limits;
	size_t held_count;			      /* sessions that are ours to have */
	size_t open_count, idle_count, waiting_count; /* sessions; transactions */
	bool is_shared, is_parked;
};
struct lanes_source_view {
	const char *source;
	struct limits limits;
	size_t open_count, idle_count;
	int64_t learned_count; /* sessions that it may have by what was learned; -1: nothing is shaped */
};
bool lanes_view_site(const struct lanes *lanes, const char *site,
		     struct lanes_site_view *ret); /* false: nothing of it is here */
void lanes_view_sources(const struct lanes *lanes, const char *site,
			void (*each)(void *owner, const struct lanes_source_view *view),
			void *owner);

#endif
