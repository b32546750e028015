/* Who gets the next session of a site: lanes that want one stand aside while the site, or their source there, has none left, and each
 * speaks for the tenant whose mail it would send next. Urgent mail first, four turns to one; then the tenant who had least of the site
 * (guests.h); its lanes one after the other. Why: docs/design/turns.md. Part of lane_inner.h. */
#ifndef LEVERET_WORKERS_DELIVERY_SITE_TURNS_H
#define LEVERET_WORKERS_DELIVERY_SITE_TURNS_H

#include "workers/delivery/guests.h"

struct lane;
struct site_load;
struct source_load;
TAILQ_HEAD(lane_list, lane);
TAILQ_HEAD(claimant_list, claimant);

struct site_turns { /* of a site */
	struct guests *guests;
	TAILQ_HEAD(, source_load) sources; /* that lanes stand aside for */
	size_t aside_count;		   /* lanes */
	unsigned urgent_count;		   /* urgent turns since one that was not */
};
struct source_turns {			   /* of one source at the site */
	struct claimant_list claimants[2]; /* by whether their mail is urgent */
	size_t aside_count;		   /* lanes */
	TAILQ_ENTRY(source_load) next;
};
void site_turns_init(struct site_turns *turns);
void site_turns_done(struct site_turns *turns);
void source_turns_init(struct source_turns *turns);

void aside_join(struct lane *lane); /* which has mail that waits */
void aside_leave(struct lane *lane);
/* It is about to get a session: its claimant has a turn. Who that is, held. */
struct guest *aside_grant(const struct lane *lane);
void aside_renew(struct lane *lane); /* another tenant's mail may be its next */
/* The lane that a session is for which the site has room for; NULL: none, or no room. */
struct lane *aside_next(struct site_load *site);
/* The lane that a session of this lane is for when it ends; NULL: none waits. */
struct lane *aside_heir(const struct lane *lane);
/* The lane that a session is for which this lane could go on with; NULL: it is this one's. */
struct lane *aside_rival(const struct lane *lane);

#endif
