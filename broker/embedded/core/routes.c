/* Where a message goes, by its exchange and key. */
#include <stdio.h>
#include <string.h>

#include "broker/embedded/core/catalog_inner.h"
#include "broker/embedded/core/topic.h"
#include "broker/engine.h"
#include "lib/base/hash.h"

/* Where keys of EXCHANGE_INBOUND lead. */
static const struct {
	const char *key, *queue;
} inbound[] = {
	{"directive", QUEUE_BOUNCER_DIRECTIVES},
	{"dsn", QUEUE_BOUNCER_DSN},
	{"fbl", QUEUE_BOUNCER_FBL},
	{"unsub", QUEUE_BOUNCER_UNSUB},
	{"mail", QUEUE_BOUNCER_MAIL},
	{"unknown", QUEUE_BOUNCER_UNKNOWN},
	{"report", QUEUE_BOUNCER_REPORTS},
	{"tls", QUEUE_BOUNCER_TLS},
};

/* Patterns for events begin with that word, and no key of a result does. */
static size_t route_event(struct catalog *catalog, const char *key, bool is_event)
{
	size_t count = 0;
	for (size_t i = 0; i < catalog->subscriber_count; i++) {
		const struct item *item = catalog->subscribers[i];
		for (size_t j = 0; j < item->pattern_count; j++) {
			bool is_for_events = engine_is_event_pattern(item->patterns[j]);
			if (is_for_events == is_event && topic_matches(item->patterns[j], key)) {
				catalog->targets[count++] = item->queue;
				break;
			}
		}
	}
	return count;
}

/* <pool>.<site>: the site's own queue, else the pool's shard of that domain, else "lost". */
static struct queue *route_mail(const struct catalog *catalog, const char *key)
{
	char name[QUEUE_NAME_MAX], pool[ROUTING_NAME_MAX + 1];
	const char *dot = strchr(key, '.');
	struct queue *queue = NULL;
	if (!dot || !bytes_to_cstr(bytes_from(key, (size_t)(dot - key)), pool, sizeof pool))
		return catalog->lost;
	if (strlen(key) < QUEUE_NAME_MAX / 2) {
		(void)snprintf(name, sizeof name, ENGINE_DELIVERY_QUEUE, pool, dot + 1);
		queue = catalog_find(catalog, name);
	}
	if (!queue) {
		uint64_t hash = hash_bytes(HASH_START, bytes_of(key));
		unsigned shard = (unsigned)((hash >> 32 ^ hash) % ROUTING_TAIL_SHARDS);
		(void)snprintf(name, sizeof name, ENGINE_TAIL_QUEUE, pool, shard);
		queue = catalog_find(catalog, name);
	}
	return queue ? queue : catalog->lost;
}

static struct queue *route_submission(const struct catalog *catalog, const char *key)
{
	if (strcmp(key, "tx") == 0)
		return catalog->tx;
	return strcmp(key, "bulk") == 0 ? catalog->bulk : catalog->lost;
}

static struct queue *route_inbound(const struct catalog *catalog, const char *key)
{
	for (size_t i = 0; i < sizeof inbound / sizeof inbound[0]; i++)
		if (strcmp(key, inbound[i].key) == 0)
			return catalog_find(catalog, inbound[i].queue);
	return NULL;
}

/* NULL: unroutable. */
static struct queue *route_to_one(const struct catalog *catalog, enum exchange exchange,
				  const char *key)
{
	switch (exchange) {
	case EXCHANGE_SUBMIT:
		return route_submission(catalog, key);
	case EXCHANGE_DELIVER:
		return route_mail(catalog, key);
	case EXCHANGE_INBOUND:
		return route_inbound(catalog, key);
	case EXCHANGE_BURIED:
		return catalog->buried;
	case EXCHANGE_REFUSED:
		return catalog->refused;
	case EXCHANGE_FOREIGN: /* to others, who are not here */
	case EXCHANGE_RESULTS: /* to many */
	case EXCHANGE_EVENTS:
		break;
	}
	return NULL;
}

size_t catalog_route(struct catalog *catalog, enum exchange exchange, const char *key,
		     struct queue *const **ret)
{
	*ret = catalog->targets;
	if (exchange == EXCHANGE_RESULTS || exchange == EXCHANGE_EVENTS)
		return route_event(catalog, key, exchange == EXCHANGE_EVENTS);
	catalog->targets[0] = route_to_one(catalog, exchange, key);
	return catalog->targets[0] ? 1 : 0;
}
