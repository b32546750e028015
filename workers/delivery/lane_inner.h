/* Inside the lanes: what a lane, its links and its site remember, and what lane.c, link.c and lanes.c ask of each other.
 *
 *   lane: waiting --(endpoints known)--> in line for a connection --> link --> transactions, one after the other
 *   link: opening -- ready --> busy -- done, more waits --> busy
 *                                   -- done, nothing waits --> given back to the client, which keeps it a while
 *               busy -- the rates let nothing go --> resting --> busy, or given back
 *               busy may begin with waiting until the transaction is prepared; a link that ends so puts it back
 *         any -- ended --> gone
 *
 * Upcalls only note what happened; lanes come forward (lane_touch) and are looked at when the turn ends, so nothing is freed or
 * begun below somebody who is still at work on it. */
#ifndef LEVERET_WORKERS_DELIVERY_LANE_INNER_H
#define LEVERET_WORKERS_DELIVERY_LANE_INNER_H

#include "workers/delivery/lane_plan.h"
#include "workers/delivery/lanes.h"
#include "workers/delivery/shaper.h"
#include "workers/delivery/site_turns.h"
#include "workers/delivery/turns.h"
#include "workers/limits/allowance.h"

struct load { /* sessions of this worker that count against one allowance */
	struct allowance *allowance;
	size_t open_count;
	size_t lingering_count; /* given back to the client, perhaps still open */
	size_t wanted_count;	/* that would be of use beside them; counted anew at each look */
	size_t in_line_count;	/* lanes in line for one more */
};

struct site_load {
	char *key;
	struct lanes *lanes;
	const struct site_settings *settings;
	struct site_settings in_force; /* their limits, with what was changed at run time */
	bool has_queue;		       /* for each pool: it can be parked */
	bool is_shared;		       /* other workers can reach its limits */
	size_t lane_count;	       /* 0: it is parked, or was left while its rates may matter */
	size_t left_count;	       /* sources there that were left; it outlives them */
	struct load load;
	struct site_turns turns;
	size_t waiting_count; /* transactions; counted anew at each look */
	bool is_parked;
	int64_t hot_at_ms;     /* since when too much waits; 0: it does not */
	int64_t starved_at_ms; /* since when there is no use for what waits; 0: there is */
	TAILQ_ENTRY(site_load) next;
};

struct source_load { /* one source at one site */
	char *key;
	struct site_load *site;
	size_t lane_count; /* 0: it was left, and is kept while its rates may matter */
	struct load load;
	struct source_turns turns;
	struct learned *learned;       /* NULL: nothing is shaped */
	struct shaping_answer answer;  /* what is in force for it */
	bool is_shaped;		       /* `answer` may say something */
	int64_t good_at_ms;	       /* a session was let in, or mail was taken */
	int64_t limits_at_ms;	       /* its limits are of then */
	TAILQ_ENTRY(source_load) next; /* of those that were left */
};

struct lane_endpoint {
	struct endpoint to;
	struct tls_demand *tls;
	struct tls_account *account; /* NULL: sessions are not counted */
	bool has_failed;
	bool is_clear; /* TLS failed, and the policy lets mail go without */
};

enum lane_place { LANE_NOWHERE, LANE_IN_LINE, LANE_AT_SITE };

struct lane {
	struct lanes *lanes;
	char *key;
	char *next_hop;
	const struct route_settings *route;
	bool require_tls, heeds_no_tls;
	const struct source *source;
	struct site_load *site;
	struct source_load *from; /* the source, at this site */

	struct turns *waiting;
	LIST_HEAD(, link) links;
	size_t opening_count;
	size_t resting_count; /* links that could send, if the rates let them */
	struct timer *go_on;  /* when the rates let them */
	int64_t go_on_at_ms;
	int64_t done_at_ms; /* the last transaction, or the first began to wait */
	size_t lingering_count;
	int64_t lingering_until_ms;

	struct exchange_question *question;
	struct lane_endpoint *endpoints;
	size_t endpoint_count;
	int64_t asked_at_ms;

	int64_t began_at_ms; /* of the attempt to get through, while no connection is ready */
	int64_t dead_until_ms;
	struct smtp_outcome failure; /* the last: what all who wait are told */
	const char *failure_step;
	struct endpoint failure_at;
	struct ruling failure_ruling;
	int64_t again_at_ms; /* no session is opened before */

	const char *told_wait; /* the last reason to wait that was traced; NULL: none since */

	enum lane_place place;
	struct claimant *claimant; /* who it stands aside for; NULL: it does not */
	struct guest *granted;	   /* who it stands in line for, having stood aside; NULL */
	TAILQ_ENTRY(lane) place_next;
	bool is_touched;
	TAILQ_ENTRY(lane) touched_next;
	int64_t used_at_ms;
	TAILQ_ENTRY(lane) all_next;
};

struct link {
	struct lane *lane;
	struct smtp_connection *connection;
	struct endpoint to;
	struct tls_account *account; /* NULL: it is not counted */
	bool is_clear, is_reused, is_ready;
	bool is_broken;	 /* `ended` is about to come */
	bool is_worn;	 /* it has carried too many for those who wait */
	bool is_resting; /* since rested_at_ms it waits for the rates */
	int64_t rested_at_ms;
	unsigned sent_count;
	struct turns_opener opened_for; /* until it has something to carry */
	struct transaction *transaction;
	bool is_preparing; /* the transaction is not sent yet */
	int64_t sent_at_ms;
	size_t unsent_count;
	struct smtp_outcome unsent; /* why */
	bool has_ruling;	    /* a reply of this transaction was judged: that one */
	enum smtp_step ruled_step;
	unsigned ruled_code;
	struct ruling ruling;
	tap_set watchers;   /* who taps it */
	int64_t said_at_ms; /* our last command, while it is traced */
	LIST_ENTRY(link) next;
};

struct lanes {
	struct lanes_options options;
	struct tls_demand *in_clear;		      /* nothing */
	void *by_key, *sites_by_key, *sources_by_key; /* tsearch trees of lanes and loads */
	TAILQ_HEAD(, site_load) sites;
	TAILQ_HEAD(, source_load) left; /* without lanes */
	struct parties *parties;	/* tenants and campaigns */
	struct lane_list all, touched;
	bool has_limits;       /* some site's were changed at run time */
	bool has_tails;	       /* more than one: workers may have the same domain at a time */
	struct lane_list line; /* lanes that want a connection, and whose site has one */
	bool is_held;
	struct task task;
	struct timer *tick;
};

/* lanes.c */
void lane_touch(struct lane *lane); /* looked at when the turn ends */

/* serving.c */
void lane_stand_in_line(struct lane *lane);
void lane_leave_place(struct lane *lane);
void lane_grant(struct lane *lane); /* which stands aside: the next session is its own */
bool lanes_are_crowded(const struct lanes *lanes,
		       const struct lane *lane); /* others wait for a session */
void lanes_recall(struct site_load *site);	 /* to the line, who may have a session now */
void lanes_serve(struct lanes *lanes);		 /* those in line, as far as there is room */
/* Whether one more session may be opened, and for whom: as turns_open() tells. */
int64_t lane_connect_wait_ms(const struct lane *lane, struct turns_opener *ret);
void lane_forget_lingering(struct lane *lane, size_t count);

/* joining.c */
void loads_join(struct lane *lane, const char *site);
void loads_leave(struct lane *lane);
void loads_sweep(struct lanes *lanes); /* lets go of what was left, once it does not matter */
struct limits loads_source_limits(const struct lane *lane); /* by the settings, now */
void loads_free(struct lanes *lanes);

/* loads.c: what may be open, with a site and from a source there. */
void loads_count(struct lane *lane, int open, int lingering); /* more of them, or fewer */
bool loads_have_room(const struct lane *lane);
/* Beside those that lanes in line will open. */
bool loads_site_has_room(const struct site_load *site);
bool loads_source_has_room(const struct source_load *from);
void loads_count_in_line(struct lane *lane, int change);
bool loads_are_over(const struct lane *lane); /* more are open than may be */
int64_t loads_connect_wait_ms(const struct lane *lane);
void loads_note_connect(const struct lane *lane);
int64_t loads_send_wait_ms(const struct lane *lane);
void loads_note_send(const struct lane *lane);
void loads_want(struct lane *lane, size_t count); /* so many more would be of use now */
void loads_look(struct lanes *lanes);		  /* now and then: wants, and who is parked */

/* limiting.c: the limits in force of a site. */
void site_fill_limits(struct site_load *site);
bool site_limits_are_shared(const struct site_load *site); /* over workers, as things are now */
bool limiting_has_tails(const struct routing *routing);
void site_look_at_heat(struct site_load *site);
struct limits site_limits_now(const struct site_load *site);
int64_t loads_messages_max(const struct lane *lane); /* transactions on one session */

/* lane.c */
/* The next that waits and may go on this session; NULL: none, held, or as turns_take() tells. */
struct transaction *lane_take(const struct link *link, int64_t *ret_wait_ms);
void lane_put_back(struct lane *lane, struct transaction *transaction);
void lane_look(struct lane *lane); /* do what can be done now */
bool lane_wants_link(const struct lane *lane);
bool lane_has_leave(struct lane *lane); /* to send soon; false: it is looked at when it has */
void lane_drop_endpoints(struct lane *lane);
/* The first endpoint worth trying; NULL when all have failed. */
struct lane_endpoint *lane_next_endpoint(struct lane *lane);
struct lane_endpoint *lane_endpoint_at(struct lane *lane, const struct endpoint *to);
void lane_note_failure(struct lane *lane, const struct endpoint *at,
		       const struct smtp_outcome *outcome);
void lane_note_attempt(struct lane *lane); /* a session is about to be opened */
void lane_note_success(struct lane *lane);
void lane_wait(struct lane *lane, int64_t wait_ms); /* look again then */
void lane_shed(struct lane *lane);		    /* give back what waits too long here */

/* shaped.c: what replies teach and put in force. */
struct ruling shaped_reply(struct link *link, const struct smtp_outcome *outcome);
void shaped_let_in(struct lane *lane); /* a session, or mail */
/* A session was not let in. True: there is no room for one more, and that is all. */
bool shaped_refused(struct lane *lane, const struct endpoint *at,
		    const struct smtp_outcome *outcome);
bool shaped_try_again(struct lane *lane); /* no host lets us in, as there are too many of us */
int64_t shaped_closed_ms(const struct lane *lane);
int64_t shaped_host_closed_ms(const struct lane *lane, const struct endpoint *to);
int64_t shaped_send_wait_ms(const struct lane *lane);
void shaped_note_send(const struct lane *lane);
size_t shaped_sessions(const struct source_load *from);
void shaped_refresh(struct lane *lane); /* what is in force may have changed */
/* Gives back what cannot be sent for a while. True: nothing of the lane can. */
bool shaped_put_off(struct lane *lane);

/* tapped_lanes.c: what those who trace are told. Only while somebody does. */
bool lane_is_tapped(const struct lane *lane); /* perhaps not this one */
void tap_exchange(const struct lane *lane, const struct exchange_answer *exchange);
/* Nothing is sent, and why: a constant text, told once until something is. wait_ms 0: not known. */
void tap_wait(struct lane *lane, const char *why, int64_t wait_ms);
void tap_opened(struct link *link);	 /* or reused */
void tap_transaction(struct link *link); /* which begins */
void tap_left(struct link *link, const char *how);
void tap_ended(struct link *link, const struct smtp_outcome *outcome);
void tap_said(void *owner, enum smtp_said kind, struct bytes text);
void tap_anew(void *owner); /* of lanes: taps began or ended */

/* tls_counting.c: a session that was opened here is ready, or ended before it was. */
void link_count_tls(const struct link *link, const struct smtp_outcome *ended);

/* parting.c */
bool link_gives_way(struct link *link); /* true: it is another lane's now, or ended */
void link_let_go(struct link *link);

/* link.c */
bool link_may_go_on(struct link *link);
void link_drop(struct link *link); /* whose connection is not its any more */
struct smtp_target link_target(const struct lane *lane, const struct lane_endpoint *endpoint);
void link_go_on(struct link *link,
		bool can_be_sent);	/* what it waits for is prepared, or never will be */
void link_try_again(struct link *link); /* a resting one */
bool link_reuse(
	struct lane *lane); /* take an idle connection from the client; false: there is none */
void link_open(struct lane *lane, const struct lane_endpoint *endpoint,
	       const struct turns_opener *opener);
void link_forget(struct link *link); /* without upcalls, when all ends */

#endif
