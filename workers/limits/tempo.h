/* The even pace of a rate that all workers share. The rate is dealt out in a few places, each good for its part; a worker has some of
 * them (share.h), as many as it has use for. A place that changes hands is good only after one interval (at most 10 s), so that
 * what its holders do is as far apart as what one of them does: in no stretch of time is more done than the rate allows, over all
 * workers. What is late by less than 20 ms may catch up. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_TEMPO_H
#define LEVERET_WORKERS_LIMITS_TEMPO_H

#include "workers/limits/share.h"

#define TEMPO_PLACES_MAX 4
#define TEMPO_UNKNOWN	 INT64_MAX /* no place is held: `changed` comes */

struct tempo;
struct tempo_options {
	struct loop *loop;
	struct broker *broker; /* NULL: nobody else can reach the limit */
	const char *name;      /* copied */
	conf_rate rate;	       /* 0: no limit */
	void (*changed)(void *owner);
	void *owner;
};
struct tempo *tempo_new(const struct tempo_options *options);
void tempo_free(struct tempo **tempo);
void tempo_rate(struct tempo *tempo, conf_rate rate); /* from now on */
/* When the next may go: 0 is now, else in so many ms, or TEMPO_UNKNOWN. Asking shows that there is a use for it. */
int64_t tempo_wait_ms(struct tempo *tempo);
void tempo_note(struct tempo *tempo); /* one goes now; after tempo_wait_ms() said 0 */
/* How long what was done still holds up what comes: a tempo that is made anew after that lets no more through. */
int64_t tempo_rest_ms(const struct tempo *tempo);

/* How many places a rate is dealt out in, and how far apart two uses of one are. Pure. */
unsigned tempo_places(conf_rate rate);
int64_t tempo_interval_us(conf_rate rate, unsigned places);

#endif
