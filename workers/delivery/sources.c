/* One wheel for each pool, over sources that are parsed once. */
#include "workers/delivery/sources.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/own_addresses.h"

#define DEFAULT_NAME "default"

struct wheel {
	const char *pool;
	size_t count;
	const struct source **sources;
	int64_t *weights, *credit;
	bool has_elsewhere; /* sources that other hosts have are left out */
	bool is_empty;	    /* and so all are; the fallback is never used for its mail */
};

struct sources {
	struct source *items;
	size_t count;
	const struct source *fallback;
	struct wheel *wheels;
	size_t wheel_count;
	bool (*is_out)(void *owner, const struct source *source, const char *pool,
		       const char *site);
	void *is_out_owner;
};

size_t wheel_next(int64_t *credit, const int64_t *weights, size_t count)
{
	size_t best = 0;
	int64_t total = 0;
	for (size_t i = 0; i < count; i++) {
		credit[i] += weights[i];
		total += weights[i];
		if (credit[i] > credit[best])
			best = i;
	}
	credit[best] -= total;
	return best;
}

static const struct source *source_named(const struct sources *sources, const char *name)
{
	for (size_t i = 0; i < sources->count; i++)
		if (strcmp(sources->items[i].name, name) == 0)
			return &sources->items[i];
	return NULL;
}

static enum err parse_sources(struct sources *sources, const struct conf_items *settings,
			      const char *hostname, struct why *why)
{
	sources->items = memory_array(settings->count + 1, sizeof *sources->items);
	for (size_t i = 0; i < settings->count; i++) {
		const struct source_settings *given =
			CONF_ITEM(settings, struct source_settings, i);
		struct source *source = &sources->items[sources->count++];
		*source = (struct source){.name = given->name,
					  .helo = given->helo[0] ? given->helo : hostname};
		source->messages_per_connection = given->messages_per_connection;
		source->recipients_per_transaction = given->recipients_per_transaction;
		source->warmup = &given->warmup;
		source->proxy.kind = (enum source_proxy)given->proxy_protocol;
		source->proxy.user = given->proxy_user;
		source->proxy.password = given->proxy_password;
		if (given->address[0] && !net_address_parse(given->address, 0, &source->address))
			return fail(why, E_MALFORMED, "source %s: not an IP address: %s",
				    given->name, given->address);
		if (given->proxy[0] && !net_address_parse(given->proxy, 0, &source->proxy.address))
			return fail(why, E_MALFORMED, "source %s: not an address and port: %s",
				    given->name, given->proxy);
		source->is_elsewhere = source->address.len > 0 && source->proxy.address.len == 0 &&
				       !own_address_is_usable(&source->address);
	}
	sources->fallback = source_named(sources, DEFAULT_NAME);
	if (!sources->fallback) {
		struct source *source = &sources->items[sources->count++];
		*source = (struct source){.name = DEFAULT_NAME, .helo = hostname};
		sources->fallback = source;
	}
	return OK;
}

static void make_wheel(const struct sources *sources, const struct pool_settings *pool,
		       struct wheel *wheel)
{
	size_t room = pool->sources.count > 0 ? pool->sources.count : 1;
	wheel->pool = pool->name;
	wheel->sources = memory_array(room, sizeof(const struct source *));
	wheel->weights = memory_array(room, sizeof *wheel->weights);
	wheel->credit = memory_array(room, sizeof *wheel->credit);
	for (size_t i = 0; i < pool->sources.count; i++) {
		const struct source *source = source_named(sources, pool->sources.items[i].name);
		if (!source || pool->sources.items[i].weight <= 0)
			continue;
		if (source->is_elsewhere) {
			wheel->has_elsewhere = true;
			continue;
		}
		wheel->sources[wheel->count] = source;
		wheel->weights[wheel->count++] = pool->sources.items[i].weight;
	}
	wheel->is_empty = wheel->count == 0 && wheel->has_elsewhere;
	if (wheel->count == 0) {
		wheel->sources[0] = sources->fallback;
		wheel->weights[wheel->count++] = 1;
	}
}

enum err sources_new(const struct routing *routing, const char *hostname, struct sources **ret,
		     struct why *why)
{
	const struct routing_settings *settings = routing_settings(routing);
	struct sources *sources = memory_new(sizeof *sources);
	enum err err = parse_sources(sources, &settings->sources, hostname, why);
	if (err) {
		sources_free(&sources);
		return err;
	}
	sources->wheels = memory_array(settings->pools.count, sizeof *sources->wheels);
	for (size_t i = 0; i < settings->pools.count; i++)
		make_wheel(sources, CONF_ITEM(&settings->pools, struct pool_settings, i),
			   &sources->wheels[sources->wheel_count++]);
	*ret = sources;
	return OK;
}

void sources_free(struct sources **sources)
{
	struct sources *s = *sources;
	if (!s)
		return;
	*sources = NULL;
	for (size_t i = 0; i < s->wheel_count; i++) {
		free(s->wheels[i].sources);
		free(s->wheels[i].weights);
		free(s->wheels[i].credit);
	}
	free(s->wheels);
	free(s->items);
	free(s);
}

static struct wheel *wheel_of(const struct sources *sources, const char *pool)
{
	for (size_t i = 0; i < sources->wheel_count; i++)
		if (strcmp(sources->wheels[i].pool, pool) == 0)
			return &sources->wheels[i];
	return NULL;
}

bool sources_serve(const struct sources *sources, const char *pool)
{
	const struct wheel *wheel = wheel_of(sources, pool);
	return !wheel || !wheel->is_empty;
}

void sources_pass_over(struct sources *sources,
		       bool (*is_out)(void *owner, const struct source *source, const char *pool,
				      const char *site),
		       void *owner)
{
	sources->is_out = is_out;
	sources->is_out_owner = owner;
}

bool sources_is_out(const struct sources *sources, const struct source *source, const char *pool,
		    const char *site)
{
	return sources->is_out && sources->is_out(sources->is_out_owner, source, pool, site);
}

/* The turn of one that is out goes to the next. With weights far apart the same may come again and again, so turns are limited. */
const struct source *sources_next(struct sources *sources, const char *pool, const char *site)
{
	struct wheel *wheel = wheel_of(sources, pool);
	if (!wheel)
		return sources->fallback;
	const struct source *first = NULL;
	for (size_t turn = 0; turn < wheel->count; turn++) {
		const struct source *source =
			wheel->sources[wheel_next(wheel->credit, wheel->weights, wheel->count)];
		if (!sources_is_out(sources, source, pool, site))
			return source;
		if (!first)
			first = source;
	}
	for (size_t i = 0; i < wheel->count; i++)
		if (!sources_is_out(sources, wheel->sources[i], pool, site))
			return wheel->sources[i];
	return first;
}

const struct source *sources_of_pool(const struct sources *sources, const char *pool, size_t index)
{
	const struct wheel *wheel = wheel_of(sources, pool);
	if (!wheel)
		return index == 0 ? sources->fallback : NULL;
	return index < wheel->count ? wheel->sources[index] : NULL;
}
