/* The tenants whose mail waits for one site, and how many turns each has had there; mail of no tenant is one guest's too. Turns that
 * a guest did not take are not saved up: it counts as GUEST_SPAN behind at the most. One that has gone is remembered until that makes
 * no difference any more, so that leaving and coming back gains nothing. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_GUESTS_H
#define LEVERET_WORKERS_DELIVERY_GUESTS_H

#include <sys/queue.h>

#include "lib/base/bytes.h"

#define GUEST_SPAN	10
#define GUEST_NEW	5    /* a new one begins so many behind: whoever sends little waits least */
#define GUESTS_GONE_MAX 1000 /* so many are remembered */

struct guests;
struct guests *guests_new(void);
void guests_free(struct guests **guests); /* after all are given back */

struct claimant;
struct guest {
	LIST_HEAD(, claimant) claims; /* of site_turns.c */
	/* private */
	struct guests *guests;
	struct bytes tenant;
	uint64_t turns;
	size_t hold_count;
	TAILQ_ENTRY(guest) next; /* of those that have gone */
};
/* The tenant's, new or old; given back as often as taken or held. The name is copied. */
struct guest *guest_take(struct guests *guests, struct bytes tenant);
struct guest *guest_hold(struct guest *guest);
void guest_give(struct guest **guest); /* NULL: nothing happens */

void guest_note(struct guest *guest);		  /* it has a turn */
void guest_take_back(struct guest *guest);	  /* the turn came to nothing */
unsigned guest_behind(const struct guest *guest); /* the one who had most turns: 0 to GUEST_SPAN */

#endif
