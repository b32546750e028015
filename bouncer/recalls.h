/* Recalls on their way into the table of directives. The table itself is what remembers them: the version of an entry is the time until
 * which it recalls, so of several for a campaign the latest counts, in whatever order and however often they are appended. */
#ifndef LEVERET_BOUNCER_RECALLS_H
#define LEVERET_BOUNCER_RECALLS_H

#include "bouncer/appender.h"
#include "schemas/schemas.h"

/* `wish` is a DIRECTIVE_RECALL with its time. `done` as by appender_append(). */
void recalls_record(struct appender *appender, const struct directive *wish,
		    void (*done)(void *owner, enum err err), void *owner);

#endif
