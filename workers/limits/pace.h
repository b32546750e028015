/* The even pace of a rate that all workers share. The rate is dealt out in a few places, each good for its part; a worker has some of
 * them (share.h), as many as it has use for. A place that changes hands is good only after one interval (at most 10 s), so that
 * what its holders do is as far apart as what one of them does: in no stretch of time is more done than the rate allows, over all
 * workers. What is late by less than 20 ms may catch up. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_PACE_H
#define LEVERET_WORKERS_LIMITS_PACE_H

#include "workers/limits/share.h"

#define PACE_PLACES_MAX 4
#define PACE_UNKNOWN	INT64_MAX /* no place is held: `changed` comes */

struct pace;
struct pace_options {
	struct loop *loop;
	struct broker *broker; /* NULL: nobody else can reach the limit */
	const char *name;      /* copied */
	conf_rate rate;	       /* 0: no limit */
	void (*changed)(void *owner);
	void *owner;
};
struct pace *pace_new(const struct pace_options *options);
void pace_free(struct pace **pace);
void pace_rate(struct pace *pace, conf_rate rate); /* from now on */
/* When the next may go: 0 is now, else in so many ms, or PACE_UNKNOWN. Asking shows that there is a use for it. */
int64_t pace_wait_ms(struct pace *pace);
void pace_note(struct pace *pace); /* one goes now; after pace_wait_ms() said 0 */

/* How many places a rate is dealt out in, and how far apart two uses of one are. Pure. */
unsigned pace_places(conf_rate rate);
int64_t pace_interval_us(conf_rate rate, unsigned places);

#endif
