/* Recalls on their way into the table of directives. The table itself is what remembers them: the version of an entry is the time until
 * which it recalls, so of several for a campaign the latest counts, in whatever order and however often they are appended.
 * What fails for now (broker away, no room) is tried again until it succeeds. Used on one loop. */
#ifndef LEVERET_BOUNCER_RECALLS_H
#define LEVERET_BOUNCER_RECALLS_H

#include "broker/broker.h"
#include "schemas/schemas.h"

struct recalls;
struct recalls *recalls_new(struct broker *broker, struct loop *loop);
/* Before the broker is closed: nothing is tried again any more, E_CANCELLED. */
void recalls_stop(struct recalls *recalls);
void recalls_free(struct recalls **recalls); /* after the broker was closed */

/* `wish` (copied) is a DIRECTIVE_RECALL with its time. E_TOO_BIG: it cannot be kept. E_CANCELLED: stopped. */
void recalls_record(struct recalls *recalls, const struct directive *wish,
		    void (*done)(void *owner, enum err err), void *owner);

#endif
