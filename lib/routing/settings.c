/* The tables of `sources`, `pools`, `sites` and `routes`, and the checks that a row cannot express. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "lib/routing/lent.h"
#include "lib/routing/names.h"
#include "lib/routing/routing.h"

#define DEFAULT_NAME "default"
#define TAIL_NAME    "tail"

static const struct conf_field source_fields[] = {
#define X(...) CONF_ROW(struct source_settings, __VA_ARGS__)
#include "lib/routing/source.def"
#undef X
};
static const struct conf_field pool_fields[] = {
#define X(...) CONF_ROW(struct pool_settings, __VA_ARGS__)
#include "lib/routing/pool.def"
#undef X
};
static const struct conf_field site_fields[] = {
#define X(...) CONF_ROW(struct site_settings, __VA_ARGS__)
#include "lib/routing/site.def"
#undef X
};
static const struct conf_field route_fields[] = {
#define X(...) CONF_ROW(struct route_settings, __VA_ARGS__)
#include "lib/routing/route.def"
#undef X
};

/* "sites.gmail" and "domains" make "sites.gmail.domains[3]"; index SIZE_MAX: the setting as a whole. */
struct place {
	char path[512];
};

static struct place place_of(const char *path, const char *field, size_t index)
{
	struct place place;
	if (index == SIZE_MAX)
		snprintf(place.path, sizeof(place.path), "%s.%s", path, field);
	else
		snprintf(place.path, sizeof(place.path), "%s.%s[%zu]", path, field, index);
	return place;
}

/* Names become parts of queue names and routing keys, where "tail" and "tail-3" have a meaning of their own. */
static void check_name(struct conf *conf, const char *name, const char *path)
{
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0')
		conf_fault(conf, path,
			   "the name may hold only lower-case letters, digits, '-' and '_'");
	if (strcmp(name, TAIL_NAME) == 0 ||
	    strncmp(name, TAIL_NAME "-", strlen(TAIL_NAME "-")) == 0)
		conf_fault(conf, path,
			   "the name is taken: \"tail\" is where mail to all other domains goes");
}

static bool is_domain(const char *text)
{
	size_t label = 0;
	for (const char *p = text; *p; p++) {
		bool is_letter = isascii((unsigned char)*p) &&
				 (isalnum((unsigned char)*p) || *p == '-' || *p == '_');
		if (!is_letter && *p != '.')
			return false;
		if (*p == '.' && label == 0)
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && strlen(text) <= ROUTING_NAME_MAX;
}

bool routing_is_pattern(const char *text)
{
	if (text[0] == '\0' || strcmp(text, "*") == 0)
		return true;
	return is_domain(strncmp(text, "*.", 2) == 0 ? text + 2 : text);
}

static void check_source(struct conf *conf, const void *section, const char *path)
{
	const struct source_settings *source = section;
	struct in6_addr address;
	bool is_address = inet_pton(AF_INET, source->address, &address) == 1 ||
			  inet_pton(AF_INET6, source->address, &address) == 1;
	if (source->address[0] && !is_address)
		conf_fault(conf, place_of(path, "address", SIZE_MAX).path,
			   "expected an IP address, not \"%s\"", source->address);
	if (source->proxy[0] && source->proxy_protocol == SOURCE_PROXY_V2 && !source->address[0])
		conf_fault(conf, place_of(path, "address", SIZE_MAX).path,
			   "a PROXY header needs the address that the proxy is to send from");
}

static void check_pool(struct conf *conf, const void *section, const char *path)
{
	const struct pool_settings *pool = section;
	check_name(conf, pool->name, path);
}

/* "*" alone would be a site of all domains. */
static void check_mx(struct conf *conf, const struct site_settings *site, const char *path)
{
	for (size_t i = 0; i < site->mx.count; i++) {
		const char *pattern = site->mx.items[i];
		if (!routing_is_pattern(pattern) || !strchr(pattern, '.'))
			conf_fault(conf, place_of(path, "mx", i).path,
				   "expected a host such as mx.example.com, or *.example.com, not "
				   "\"%.60s\"",
				   pattern);
	}
}

static void check_site(struct conf *conf, const void *section, const char *path)
{
	const struct site_settings *site = section;
	bool is_default = strcmp(site->name, DEFAULT_NAME) == 0;
	check_name(conf, site->name, path);
	if (is_default && site->domains.count)
		conf_fault(conf, place_of(path, "domains", SIZE_MAX).path,
			   "the default site is for all domains that are in no other one");
	if (is_default && site->mx.count)
		conf_fault(conf, place_of(path, "mx", SIZE_MAX).path,
			   "the default site is for all domains that are in no other one");
	else
		check_mx(conf, site, path);
	if ((site->tls_certificate[0] != '\0') != (site->tls_key[0] != '\0'))
		conf_fault(conf, path, "tls_certificate and tls_key go together");
	for (size_t i = 0; !is_default && i < site->domains.count; i++)
		if (!is_domain(site->domains.items[i]))
			conf_fault(conf, place_of(path, "domains", i).path,
				   "expected a domain such as example.com (other scripts as "
				   "xn--...), not \"%.60s\"",
				   site->domains.items[i]);
}

/* "mx.example.com:25": a name or an address, and a port. */
static bool is_endpoint(const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;
	return colon && colon > text && bytes_to_u64(bytes_of(colon + 1), 65535, &port) &&
	       port > 0 && strpbrk(text, " \t@/") == NULL;
}

static void check_route_hosts(struct conf *conf, const struct route_settings *route,
			      const char *path)
{
	bool has_more = route->fallbacks.count > 0 || route->user[0] || route->implicit_tls ||
			route->protocol != ROUTE_SMTP;
	if (has_more && !route->host[0])
		conf_fault(
			conf, place_of(path, "host", SIZE_MAX).path,
			"must be given: fallbacks, protocol, implicit_tls and user are about it");
	if (route->host[0] && route->action != ROUTE_SEND)
		conf_fault(conf, place_of(path, "action", SIZE_MAX).path,
			   "must be `send` where a host is given");
	if (!route->user[0] != !route->password[0])
		conf_fault(conf, place_of(path, "user", SIZE_MAX).path,
			   "user and password are given together or not at all");
	for (size_t i = 0; i < route->fallbacks.count; i++)
		if (!is_endpoint(route->fallbacks.items[i]))
			conf_fault(conf, place_of(path, "fallbacks", i).path,
				   "expected a host and a port such as mx.example.com:25, not "
				   "\"%.60s\"",
				   route->fallbacks.items[i]);
}

static void check_route(struct conf *conf, const void *section, const char *path)
{
	const struct route_settings *route = section;
	if (!routing_is_pattern(route->from_domain))
		conf_fault(conf, place_of(path, "from_domain", SIZE_MAX).path,
			   "expected a domain, *.domain or *, not \"%.60s\"", route->from_domain);
	if (!routing_is_pattern(route->to_domain))
		conf_fault(conf, place_of(path, "to_domain", SIZE_MAX).path,
			   "expected a domain, *.domain or *, not \"%.60s\"", route->to_domain);
	check_route_hosts(conf, route, path);
	if (!route->pool[0] && !route->host[0] && route->action == ROUTE_SEND)
		conf_warn(conf, path,
			  "gives neither pool nor host: mail that it matches is sent as if there "
			  "were no routes");
}

static void check_pool_sources(struct conf *conf, const struct pool_settings *pool,
			       const struct names *sources, struct names *used)
{
	struct names *seen = names_new();
	char path[256];
	snprintf(path, sizeof(path), "pools.%s.sources", pool->name);
	for (size_t i = 0; i < pool->sources.count; i++) {
		const char *name = pool->sources.items[i].name;
		if (!names_find(sources, name))
			conf_fault(conf, path, "there is no source \"%.60s\"", name);
		if (names_add(seen, name, name))
			conf_fault(conf, path,
				   "source \"%.60s\" is given twice; use weights: {%.60s: 2}", name,
				   name);
		(void)names_add(used, name, name);
	}
	names_free(&seen);
}

static void check_pools(struct conf *conf, const struct routing_settings *settings)
{
	struct names *sources = names_new(), *used = names_new();
	for (size_t i = 0; i < settings->sources.count; i++) {
		const struct source_settings *source =
			CONF_ITEM(&settings->sources, struct source_settings, i);
		(void)names_add(sources, source->name, source);
	}
	for (size_t i = 0; i < settings->pools.count; i++)
		check_pool_sources(conf, CONF_ITEM(&settings->pools, struct pool_settings, i),
				   sources, used);
	for (size_t i = 0; i < settings->sources.count; i++) {
		const char *name = CONF_ITEM(&settings->sources, struct source_settings, i)->name;
		char path[256];
		snprintf(path, sizeof(path), "sources.%s", name);
		if (strcmp(name, DEFAULT_NAME) != 0 && !names_find(used, name))
			conf_warn(conf, path, "no pool uses this source");
	}
	names_free(&sources);
	names_free(&used);
}

static bool has_pool(const struct routing_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->pools.count; i++)
		if (strcmp(CONF_ITEM(&settings->pools, struct pool_settings, i)->name, name) == 0)
			return true;
	return false;
}

static void check_overflows(struct conf *conf, const struct routing_settings *settings)
{
	for (size_t i = 0; i < settings->pools.count; i++) {
		const struct pool_settings *pool =
			CONF_ITEM(&settings->pools, struct pool_settings, i);
		char path[256];
		(void)snprintf(path, sizeof path, "pools.%s.overflow", pool->name);
		if (strcmp(pool->overflow, pool->name) == 0)
			conf_fault(conf, path, "a pool cannot overflow into itself");
		else if (pool->overflow[0] && !has_pool(settings, pool->overflow))
			conf_fault(conf, path, "there is no pool \"%s\"", pool->overflow);
	}
}

static void check_replies(struct conf *conf, const struct routing_settings *settings)
{
	for (size_t i = 0; i < settings->sites.count; i++) {
		const struct site_settings *site =
			CONF_ITEM(&settings->sites, struct site_settings, i);
		for (size_t j = 0; j < site->replies.count; j++) {
			const char *pool =
				CONF_ITEM(&site->replies, struct shaping_rule_settings, j)
					->then.use_pool;
			char path[256];
			(void)snprintf(path, sizeof path, "sites.%s.replies[%zu].then.use_pool",
				       site->name, j);
			if (pool[0] && !has_pool(settings, pool))
				conf_fault(conf, path, "there is no pool \"%s\"", pool);
		}
	}
}

static void check_domains(struct conf *conf, const struct conf_items *sites)
{
	struct names *owners = names_new();
	struct arena *arena = arena_new();
	for (size_t i = 0; i < sites->count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		char path[256];
		snprintf(path, sizeof(path), "sites.%s", site->name);
		for (size_t j = 0; strcmp(site->name, DEFAULT_NAME) != 0 && j < site->domains.count;
		     j++) {
			char *domain = arena_cstr(arena, bytes_of(site->domains.items[j]));
			for (char *p = domain; *p; p++)
				*p = (char)tolower((unsigned char)*p);
			const char *owner = names_add(owners, domain, site->name);
			if (owner)
				conf_fault(conf, place_of(path, "domains", j).path,
					   "%.100s is already in site \"%s\"", domain, owner);
		}
	}
	arena_free(&arena);
	names_free(&owners);
}

static bool takes_all(const struct route_settings *route)
{
	return route->from_domain[0] == '\0' &&
	       (route->to_domain[0] == '\0' || strcmp(route->to_domain, "*") == 0);
}

static void check_routes(struct conf *conf, const struct routing_settings *settings)
{
	size_t last = SIZE_MAX;
	for (size_t i = 0; i < settings->routes.count; i++) {
		const struct route_settings *route =
			CONF_ITEM(&settings->routes, struct route_settings, i);
		bool is_known = route->pool[0] == '\0' || has_pool(settings, route->pool);
		char path[64];
		snprintf(path, sizeof(path), "routes[%zu]", i);
		if (!is_known)
			conf_fault(conf, place_of(path, "pool", SIZE_MAX).path,
				   "there is no pool \"%s\"", route->pool);
		if (last != SIZE_MAX)
			conf_warn(conf, path, "is never reached: routes[%zu] takes all mail", last);
		else if (takes_all(route))
			last = i;
	}
}

void routing_check(struct conf *conf, const struct routing_settings *settings)
{
	check_pools(conf, settings);
	check_domains(conf, &settings->sites);
	check_overflows(conf, settings);
	check_replies(conf, settings);
	check_routes(conf, settings);
}

static const struct conf_child source_children[] = {
	{&warmup_section, offsetof(struct source_settings, warmup)}};

const struct conf_section sources_section = {
	.name = "sources",
	.help = "Addresses that mail leaves from. \"default\" is the source of pools that name "
		"none.",
	.shape = CONF_MAP,
	.size = sizeof(struct source_settings),
	.fields = source_fields,
	.field_count = CONF_COUNT(source_fields),
	.children = source_children,
	.child_count = CONF_COUNT(source_children),
	.always = DEFAULT_NAME,
	.check = check_source,
};
const struct conf_section pools_section = {
	.name = "pools",
	.help = "Weighted sets of sources. \"default\" is the pool of mail that nothing else "
		"places.",
	.shape = CONF_MAP,
	.size = sizeof(struct pool_settings),
	.fields = pool_fields,
	.field_count = CONF_COUNT(pool_fields),
	.always = DEFAULT_NAME,
	.check = check_pool,
};
static const struct conf_child site_children[] = {
	{&shaping_replies_section, offsetof(struct site_settings, replies)}};

const struct conf_section sites_section = {
	.name = "sites",
	.help = "Destinations that share MX hosts, and so limits. \"default\" is for all other "
		"domains, each for itself.",
	.shape = CONF_MAP,
	.size = sizeof(struct site_settings),
	.fields = site_fields,
	.field_count = CONF_COUNT(site_fields),
	.children = site_children,
	.child_count = CONF_COUNT(site_children),
	.inherit_from = DEFAULT_NAME,
	.is_made = lent_is_made,
	.check = check_site,
};
const struct conf_section routes_section = {
	.name = "routes",
	.help = "Which pool mail leaves from, and which host it is sent to. The first route that "
		"matches is taken.",
	.shape = CONF_LIST,
	.size = sizeof(struct route_settings),
	.fields = route_fields,
	.field_count = CONF_COUNT(route_fields),
	.check = check_route,
};
