/* Which domain of the tail has which of the queues that are lent (lib/routing/lent.h). Workers ask for one when mail of a domain piles up, and
 * again while it does; what nobody asks for any more falls back at its time. The table of learned sites keeps it: a row of the domain,
 * by which mail is routed, and one of the queue. Used on one loop. */
#ifndef LEVERET_BOUNCER_LENDING_H
#define LEVERET_BOUNCER_LENDING_H

#include "bouncer/appender.h"
#include "broker/replica.h"
#include "lib/routing/routing.h"
#include "schemas/schemas.h"

struct lending;
/* All borrowed. `sites`: this node's copy of the table. */
struct lending *lending_new(struct appender *appender, struct replica *sites,
			    const struct routing *routing);
void lending_free(struct lending **lending);

bool lending_is_asked(const struct directive *lesson); /* a LEARN for a site that is lent */
/* `domain` is the lesson's, canonical. `done` as by appender_append(), perhaps from inside; OK also when none is free, or it is another's. */
void lending_note(struct lending *lending, const struct directive *lesson, const char *domain,
		  int64_t wall_ms, void (*done)(void *owner, enum err err), void *owner);

#endif
