/* Publishes what shaping rules do as events, to EXCHANGE_EVENTS. What they say is for people and for programs that watch: mail never waits for it.
 * So a publication that the broker does not keep is not repeated, and what is too much is dropped; both are counted. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_SHAPING_EVENTS_H
#define LEVERET_WORKERS_DELIVERY_SHAPING_EVENTS_H

#include "broker/broker.h"
#include "workers/delivery/shaper.h"

struct shaping_events;
struct shaping_events_options { /* borrowed */
	struct loop *loop;
	struct broker *broker;
	struct shaper *shaper;	   /* whose reporter this is from here on */
	const char *worker;	   /* its name */
	void (*idle)(void *owner); /* nothing waits, nothing is on its way; NULL allowed */
	void *owner;
};
struct shaping_events *shaping_events_new(const struct shaping_events_options *options);
void shaping_events_free(
	struct shaping_events **events); /* after broker_close(), before the shaper */

/* The worker stops: what would be told at its minute's end is told now, and nothing waits for its second. */
void shaping_events_flush(struct shaping_events *events);
bool shaping_events_is_idle(const struct shaping_events *events);

#define SHAPING_EVENTS_PER_S 50	  /* published; more wait */
#define SHAPING_EVENTS_MAX   2000 /* that wait; more are dropped */

#endif
