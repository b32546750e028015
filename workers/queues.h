/* Which delivery queues a worker takes: those of the pools and sites it was told, or all. Pure. */
#ifndef LEVERET_WORKERS_QUEUES_H
#define LEVERET_WORKERS_QUEUES_H

#include "broker/broker.h"

struct worker_queue {
	const char *pool; /* of the settings */
	const char *site; /* of the settings; NULL: the tail */
	char name[QUEUE_NAME_MAX];
	bool is_tail; /* has one active consumer, the first that registers */
};
struct worker_queues {
	struct worker_queue *items;
	size_t count;
};
struct queues_wanted { /* count 0: all */
	const char *const *pools;
	size_t pool_count;
	const char *const
		*sites; /* "tail" names the tail, and the queues that are lent to its domains */
	size_t site_count;
};
/* Named sites first, then the tails' shards, shuffled by `seed`: workers that start together each begin with others. E_NOT_FOUND for a
 * pool or site that the settings do not know. */
enum err worker_queues_select(const struct routing_settings *settings,
			      const struct queues_wanted *wanted, uint64_t seed,
			      struct worker_queues *ret, struct why *why) MUST_USE;
/* Leaves out the queues of pools that are not to be served here. */
void worker_queues_keep(struct worker_queues *queues,
			bool (*is_served)(void *owner, const char *pool), void *owner);
void worker_queues_done(struct worker_queues *queues);

#endif
