/* Look-ups by domain, site and pool. Built once from the settings; read-only afterwards, so roles on several threads share it. */
#include "lib/routing/routing.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/routing/names.h"

#define DEFAULT_NAME "default"

struct routing {
	const struct routing_settings *settings;
	struct arena *arena;   /* domains in lower case */
	struct names *site_of; /* domain -> struct site_settings */
	struct names *sites;   /* name -> struct site_settings */
	struct names *pools;   /* name -> struct pool_settings */
	struct names *sources; /* name -> struct source_settings */
	const struct site_settings *default_site;
};

static char *lower_case(struct arena *arena, const char *domain)
{
	char *copy = arena_cstr(arena, bytes_of(domain));
	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static void add_site(struct routing *routing, const struct site_settings *site)
{
	(void)names_add(routing->sites, site->name, site);
	for (size_t i = 0; i < site->domains.count; i++)
		(void)names_add(routing->site_of,
				lower_case(routing->arena, site->domains.items[i]), site);
}

struct routing *routing_new(const struct routing_settings *settings)
{
	struct routing *routing = memory_new(sizeof(*routing));
	*routing = (struct routing){.settings = settings,
				    .arena = arena_new(),
				    .site_of = names_new(),
				    .sites = names_new(),
				    .pools = names_new(),
				    .sources = names_new()};
	for (size_t i = 0; i < settings->sites.count; i++)
		add_site(routing, CONF_ITEM(&settings->sites, struct site_settings, i));
	for (size_t i = 0; i < settings->pools.count; i++) {
		const struct pool_settings *pool =
			CONF_ITEM(&settings->pools, struct pool_settings, i);
		(void)names_add(routing->pools, pool->name, pool);
	}
	for (size_t i = 0; i < settings->sources.count; i++) {
		const struct source_settings *source =
			CONF_ITEM(&settings->sources, struct source_settings, i);
		(void)names_add(routing->sources, source->name, source);
	}
	routing->default_site = names_find(routing->sites, DEFAULT_NAME);
	assert(routing->default_site);
	return routing;
}

void routing_free(struct routing **routing)
{
	if (!*routing)
		return;
	names_free(&(*routing)->site_of);
	names_free(&(*routing)->sites);
	names_free(&(*routing)->pools);
	names_free(&(*routing)->sources);
	arena_free(&(*routing)->arena);
	free(*routing);
	*routing = NULL;
}

const struct routing_settings *routing_settings(const struct routing *routing)
{
	return routing->settings;
}

static bool matches_one(const struct site_settings *site, const char *host)
{
	for (size_t i = 0; i < site->mx.count; i++)
		if (routing_pattern_matches(site->mx.items[i], host))
			return true;
	return false;
}

static bool matches_best(const struct site_settings *site, const struct routing_mx *hosts,
			 size_t count, unsigned best)
{
	for (size_t i = 0; i < count; i++)
		if (hosts[i].preference == best && !matches_one(site, hosts[i].host))
			return false;
	return true;
}

const char *routing_site_of_mx(const struct routing *routing, const struct routing_mx *hosts,
			       size_t count)
{
	const struct conf_items *sites = &routing->settings->sites;
	unsigned best = UINT_MAX;
	for (size_t i = 0; i < count; i++)
		if (hosts[i].preference < best)
			best = hosts[i].preference;
	for (size_t i = 0; count > 0 && i < sites->count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		if (site->mx.count > 0 && matches_best(site, hosts, count, best))
			return site->name;
	}
	return NULL;
}

bool routing_has_mx(const struct routing *routing)
{
	const struct conf_items *sites = &routing->settings->sites;
	for (size_t i = 0; i < sites->count; i++)
		if (CONF_ITEM(sites, struct site_settings, i)->mx.count > 0)
			return true;
	return false;
}

const char *routing_known_site(const struct routing *routing, const char *name)
{
	const struct site_settings *site = names_find(routing->sites, name);
	return site && site != routing->default_site ? site->name : NULL;
}

bool site_has_queue(const struct site_settings *site)
{
	return site->own_queue && strcmp(site->name, DEFAULT_NAME) != 0;
}

const char *routing_named_site(const struct routing *routing, const char *domain)
{
	const struct site_settings *site = names_find(routing->site_of, domain);
	return site ? site->name : NULL;
}

void routing_site_key(const struct routing *routing, const char *domain,
		      char out[ROUTING_NAME_MAX + 2])
{
	const char *site = routing_named_site(routing, domain);
	const char *dot = site || strchr(domain, '.') ? "" : ".";
	snprintf(out, ROUTING_NAME_MAX + 2, "%.*s%s", ROUTING_NAME_MAX, site ? site : domain, dot);
}

const struct site_settings *routing_site_settings(const struct routing *routing, const char *site)
{
	const struct site_settings *found = names_find(routing->sites, site);
	return found ? found : routing->default_site;
}

const struct pool_settings *routing_pool(const struct routing *routing, const char *name)
{
	return names_find(routing->pools, name);
}

const struct source_settings *routing_source(const struct routing *routing, const char *name)
{
	return names_find(routing->sources, name);
}

bool routing_pattern_matches(const char *pattern, const char *domain)
{
	if (strcmp(pattern, "*") == 0)
		return domain[0] != '\0';
	if (pattern[0] != '*')
		return strcasecmp(pattern, domain) == 0;
	size_t domain_len = strlen(domain), suffix_len = strlen(pattern) - 1;
	return domain_len > suffix_len &&
	       strcasecmp(domain + domain_len - suffix_len, pattern + 1) == 0;
}

static bool condition_holds(const char *pattern, const char *domain)
{
	return pattern[0] == '\0' || routing_pattern_matches(pattern, domain);
}

const struct route_settings *routing_route(const struct routing *routing, const char *from_domain,
					   const char *to_domain)
{
	const struct conf_items *routes = &routing->settings->routes;
	for (size_t i = 0; i < routes->count; i++) {
		const struct route_settings *route = CONF_ITEM(routes, struct route_settings, i);
		if (condition_holds(route->from_domain, from_domain) &&
		    condition_holds(route->to_domain, to_domain))
			return route;
	}
	return NULL;
}

const char *routing_choose_pool(const struct routing *routing, const char *asked,
				const char *from_domain, const char *to_domain)
{
	const struct pool_settings *pool = asked && asked[0] ? routing_pool(routing, asked) : NULL;
	if (pool)
		return pool->name;
	const struct route_settings *route = routing_route(routing, from_domain, to_domain);
	return route && route->pool[0] ? route->pool : DEFAULT_NAME;
}

const char *routing_pool_word(const struct pool_settings *pool, bool is_urgent,
			      char out[ROUTING_NAME_MAX + 1])
{
	if (is_urgent && !pool->urgent)
		return NULL;
	(void)snprintf(out, ROUTING_NAME_MAX + 1, "%s%s", pool->name, is_urgent ? "~urgent" : "");
	return out;
}
