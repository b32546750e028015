/* A fixed table of lists: as many idle connections as a worker has sessions, each kept for seconds. Cannot fail. */
#include "workers/smtp/idle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/random.h"

void idle_pool_init(struct idle_pool *pool)
{
	pool->seed = random_u64();
	for (size_t i = 0; i < IDLE_BUCKETS; i++)
		LIST_INIT(&pool->buckets[i]);
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
	uint64_t hash = hash_bytes(seed, bytes_of(text));
	return hash ^ (hash >> 32);
}

static struct idle_list *bucket(struct idle_pool *pool, const struct idle *idle)
{
	return &pool->buckets[idle->hash % IDLE_BUCKETS];
}

void idle_init(struct idle *idle, const struct idle_pool *pool, const struct smtp_target *target)
{
	char remote[NET_ADDRESS_SIZE], source[NET_ADDRESS_SIZE] = "";
	net_address_text(&target->address, remote);
	if (target->source.len > 0)
		net_address_ip_text(&target->source, source);
	char *key = NULL;
	if (asprintf(&key, "%s %s %p %s %s %d %p %s %d %s", remote, source,
		     (const void *)target->proxy, target->helo, target->host_name,
		     target->require_tls, (const void *)target->route, target->tls->key,
		     (int)target->site->chunking, target->site->tls_certificate) < 0)
		abort();
	*idle = (struct idle){.key = key, .hash = hash_text(pool->seed, key)};
}

void idle_done(struct idle *idle)
{
	assert(!idle->is_in);
	free(idle->key);
	idle->key = NULL;
}

bool idle_is_same(const struct idle *one, const struct idle *other)
{
	return one->hash == other->hash && strcmp(one->key, other->key) == 0;
}

void idle_put(struct idle_pool *pool, struct idle *idle)
{
	assert(!idle->is_in);
	idle->is_in = true;
	LIST_INSERT_HEAD(bucket(pool, idle), idle, link);
}

void idle_remove(struct idle *idle)
{
	if (!idle->is_in)
		return;
	idle->is_in = false;
	LIST_REMOVE(idle, link);
}

struct idle *idle_take(struct idle_pool *pool, const struct idle *like)
{
	struct idle *idle;
	LIST_FOREACH(idle, bucket(pool, like), link)
	{
		if (idle_is_same(idle, like))
			break;
	}
	if (idle)
		idle_remove(idle);
	return idle;
}
