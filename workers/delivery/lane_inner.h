/* Inside the lanes: what a lane, its links and its site remember, and what lane.c, link.c and lanes.c ask of each other.
 *
 *   lane: waiting --(endpoints known)--> in line for a connection --> link --> transactions, one after the other
 *   link: opening -- ready --> busy -- done, more waits --> busy
 *                                   -- done, nothing waits --> given back to the client, which keeps it a while
 *               busy may begin with waiting until the transaction is prepared; a link that ends so puts it back
 *         any -- ended --> gone
 *
 * Upcalls only note what happened; lanes come forward (lane_touch) and are looked at when the turn ends, so nothing is freed or
 * begun below somebody who is still at work on it. */
#ifndef LEVERET_WORKERS_DELIVERY_LANE_INNER_H
#define LEVERET_WORKERS_DELIVERY_LANE_INNER_H

#include "workers/delivery/lane_plan.h"
#include "workers/delivery/lanes.h"

TAILQ_HEAD(lane_list, lane);
TAILQ_HEAD(transaction_list, transaction);

struct site_load { /* sessions of this worker with one site */
	char *key;
	const struct site_settings *settings;
	size_t lane_count; /* it goes with its last lane */
	size_t open_count;
	size_t lingering_count;	  /* given back to the client, perhaps still open */
	struct lane_list waiting; /* for one of the site's sessions to end */
};

struct lane_endpoint {
	struct endpoint to;
	struct tls_demand *tls;
	bool has_failed;
	bool is_clear; /* TLS failed, and the policy lets mail go without */
};

enum lane_place { LANE_NOWHERE, LANE_IN_LINE, LANE_AT_SITE };

struct lane {
	struct lanes *lanes;
	char *key;
	char *next_hop;
	const struct route_settings *route;
	bool require_tls;
	const struct source *source;
	struct site_load *site;

	struct transaction_list waiting;
	size_t waiting_count;
	LIST_HEAD(, link) links;
	size_t opening_count;
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

	enum lane_place place;
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
	bool is_clear, is_reused, is_ready;
	bool is_broken; /* `ended` is about to come */
	unsigned sent_count;
	struct transaction *transaction;
	bool is_preparing; /* the transaction is not sent yet */
	int64_t sent_at_ms;
	size_t unsent_count;
	struct smtp_outcome unsent; /* why */
	LIST_ENTRY(link) next;
};

struct lanes {
	struct lanes_options options;
	struct tls_demand *in_clear; /* nothing */
	void *by_key, *sites_by_key; /* tsearch trees of struct lane, struct site_load */
	struct lane_list all, touched;
	struct lane_list line; /* lanes that want a connection, and whose site has one */
	bool is_held;
	struct task task;
	struct timer *tick;
};

/* lanes.c */
void lane_touch(struct lane *lane); /* looked at when the turn ends */
void lane_stand_in_line(struct lane *lane);
bool lanes_are_crowded(const struct lanes *lanes,
		       const struct lane *lane); /* others wait for a session */

/* lane.c */
struct transaction *lane_take(struct lane *lane); /* the next that waits; NULL: none, or held */
void lane_put_back(struct lane *lane, struct transaction *transaction);
void lane_look(struct lane *lane); /* do what can be done now */
bool lane_wants_link(const struct lane *lane);
void lane_drop_endpoints(struct lane *lane);
/* The first endpoint worth trying; NULL when all have failed. */
struct lane_endpoint *lane_next_endpoint(struct lane *lane);
struct lane_endpoint *lane_endpoint_at(struct lane *lane, const struct endpoint *to);
void lane_note_failure(struct lane *lane, const struct endpoint *at,
		       const struct smtp_outcome *outcome);
void lane_note_success(struct lane *lane);

/* link.c */
void link_go_on(struct link *link,
		bool can_be_sent); /* what it waits for is prepared, or never will be */
bool link_reuse(
	struct lane *lane); /* take an idle connection from the client; false: there is none */
void link_open(struct lane *lane, const struct lane_endpoint *endpoint);
void link_forget(struct link *link); /* without upcalls, when all ends */

#endif
