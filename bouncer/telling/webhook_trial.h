/* One signed request to a webhook with an event that tells nothing (an alert named webhook_test), to see what comes of it. Used on one
 * loop. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_TRIAL_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_TRIAL_H

#include "bouncer/telling/webhook_post.h"

struct webhook_trial;
/* The settings, which were checked, and the resolver outlive it. `done` comes once, later. */
struct webhook_trial *
webhook_trial_start(struct loop *loop, struct resolver *resolver,
		    const struct webhook_settings *settings,
		    void (*done)(void *owner, const struct webhook_outcome *outcome), void *owner);
void webhook_trial_cancel(struct webhook_trial **trial); /* not from its done; NULL is accepted */

#endif
