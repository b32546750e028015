/* What workers learn of domains (DIRECTIVE_LEARN), on its way into the table of sites. What the table says already is not written again,
 * and a table that is full takes no new domains: their mail goes on by the tail. The version of an entry is the time it was learned. */
#ifndef LEVERET_BOUNCER_SITE_LEARNER_H
#define LEVERET_BOUNCER_SITE_LEARNER_H

#include "bouncer/appender.h"
#include "broker/replica.h"
#include "schemas/schemas.h"

/* `sites`: this node's copy of the table; NULL: nothing is known to stand in it. `done` as by appender_append(), perhaps from inside; OK also when there was nothing to write. */
void site_learner_note(struct appender *appender, struct replica *sites,
		       const struct directive *lesson, int64_t wall_ms,
		       void (*done)(void *owner, enum err err), void *owner);

#endif
