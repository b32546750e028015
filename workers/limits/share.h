/* What this worker holds of a limit that all workers share: some of its places (broker/broker.h, permits). Places are asked for one
 * by one, more slowly the more there are, so that workers that begin together share; one of no use is given back after a while; and
 * when all are in use, the oldest is offered to others, who may have waited for it. A place is given back only when what it allowed
 * has ended. A limit that nobody else can reach is all ours at once. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_SHARE_H
#define LEVERET_WORKERS_LIMITS_SHARE_H

#include "broker/broker.h"

#define SHARE_LINGER_MS 1500 /* a place of no use is kept so long */
#define SHARE_END_MS                                                                               \
	200 /* and at least so long after its use ended: a connection's end takes a while to arrive */

struct share;
struct share_options {
	struct loop *loop;
	struct broker *broker; /* NULL: nobody else can reach the limit */
	const char *name;      /* of the limit, the same for all workers; copied */
	unsigned limit;
	int64_t turn_ms;	      /* a place in use is offered to others after so long */
	void (*changed)(void *owner); /* share_held() grew or shrank; from the loop */
	void *owner;
};
struct share *share_new(const struct share_options *options);
void share_free(struct share **share);
void share_limit(struct share *share, unsigned limit); /* from now on */
/* How many places would be of use now, and how many of them are in use. Never more than the limit are asked for. */
void share_want(struct share *share, unsigned wanted, unsigned used);
/* How many may be in use. Fewer than are: some must end. */
unsigned share_held(const struct share *share);

#endif
