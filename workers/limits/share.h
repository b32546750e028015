/* What this worker holds of a limit that all workers share: some of its places (broker/broker.h, permits). A place is asked for when
 * it is of use and given back a while after it was; one that is in use for long is offered to others, who may have waited for it.
 * A limit that nobody else can reach is all ours at once. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_SHARE_H
#define LEVERET_WORKERS_LIMITS_SHARE_H

#include "broker/broker.h"

#define SHARE_LINGER_MS 1500 /* a place of no use is kept so long */

struct share;
struct share_options {
	struct loop *loop;
	struct broker *broker; /* NULL: nobody else can reach the limit */
	const char *name;      /* of the limit, the same for all workers; copied */
	unsigned limit;
	int64_t turn_ms; /* a place in use is offered to others after so long */
	void (*changed)(void *owner); /* share_held() grew or shrank; from the loop */
	void *owner;
};
struct share *share_new(const struct share_options *options);
void share_free(struct share **share);
void share_limit(struct share *share, unsigned limit); /* from now on */
/* How many places are of use now. Never more than the limit are asked for. */
void share_want(struct share *share, unsigned count);
unsigned share_held(const struct share *share);

#endif
