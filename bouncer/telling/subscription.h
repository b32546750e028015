/* A queue that gets events of some kinds: its patterns are asked for one after the other, and again after a second where that failed.
 * Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_SUBSCRIPTION_H
#define LEVERET_BOUNCER_TELLING_SUBSCRIPTION_H

#include "broker/broker.h"

struct subscription;
/* kinds: bits of enum bouncer_event_kind. `done` comes once, when the queue gets all of them. */
struct subscription *subscription_start(struct loop *loop, struct broker *broker, const char *queue,
					unsigned kinds, void (*done)(void *owner), void *owner);
/* NULL allowed; nothing comes any more. What was asked for already may still be done. */
void subscription_end(struct subscription **subscription);

#endif
