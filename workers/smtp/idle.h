/* Connections that nobody holds, by what they may be reused for. Holds them by reference; who puts one in takes it out before
 * it dies. */
#ifndef LEVERET_WORKERS_SMTP_IDLE_H
#define LEVERET_WORKERS_SMTP_IDLE_H

#include <stdint.h>
#include <sys/queue.h>

#include "workers/smtp/client.h"

#define IDLE_BUCKETS 1024

struct idle { /* one connection's place; embedded in it */
	char *key;
	uint64_t hash;
	bool is_in;
	LIST_ENTRY(idle) link;
};
LIST_HEAD(idle_list, idle);

struct idle_pool {
	uint64_t seed; /* host names are chosen by strangers */
	struct idle_list buckets[IDLE_BUCKETS];
};

void idle_pool_init(struct idle_pool *pool);
/* The reuse key of a target becomes the place's own. */
void idle_init(struct idle *idle, const struct idle_pool *pool, const struct smtp_target *target);
void idle_done(struct idle *idle); /* not in the pool */
bool idle_is_same(const struct idle *one, const struct idle *other);
void idle_put(struct idle_pool *pool, struct idle *idle);
void idle_remove(struct idle *idle);
/* The last one put in with the same key as `like`, removed; NULL when there is none. */
struct idle *idle_take(struct idle_pool *pool, const struct idle *like);

#endif
