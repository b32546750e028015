/* Which site a domain belongs to, which pool a message leaves from, and which fixed host a domain is sent to: the settings
 * `pools`, `sources`, `sites` and `routes`, read once and shared by ingest, workers and the topology. Pure look-ups.
 *
 * A domain that belongs to no named site is its own site, in the tail: its routing name is the domain itself. Named sites have no
 * dot in their name and domains always have one (a one-label domain is written "name."), so the two never meet. */
#ifndef LEVERET_LIB_ROUTING_ROUTING_H
#define LEVERET_LIB_ROUTING_ROUTING_H

#include "lib/base/bytes.h"
#include "lib/conf/conf.h"
#include "lib/routing/warmup.h"
#include "lib/shaping/settings.h"

#define ROUTING_TAIL_SHARDS 8
#define ROUTING_NAME_MAX    255 /* a site, a pool, or a domain */

enum source_proxy { SOURCE_SOCKS5, SOURCE_PROXY_V2 }; /* order in source.def */
struct source_settings {
	const char *name; /* key of the map */
#define X(field, type, ...) conf_##type field;
#include "lib/routing/source.def"
#undef X
	struct warmup_settings warmup;
};
struct pool_settings {
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "lib/routing/pool.def"
#undef X
};
struct site_settings {
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "lib/routing/site.def"
#undef X
	struct conf_items replies; /* struct shaping_rule_settings */
};
struct route_settings { /* in order, the first match wins */
#define X(field, type, ...) conf_##type field;
#include "lib/routing/route.def"
#undef X
};

/* As route.def's `action` and `protocol` count them. */
enum route_action { ROUTE_SEND, ROUTE_DISCARD, ROUTE_BOUNCE, ROUTE_DEFER };
enum route_protocol { ROUTE_SMTP, ROUTE_LMTP };

/* Each a child of the program's root section, filling the member of struct routing_settings of its name. */
extern const struct conf_section sources_section, pools_section, sites_section, routes_section;

struct routing_settings {
	struct conf_items sources; /* struct source_settings; "default" is always there */
	struct conf_items pools;   /* struct pool_settings; "default" is always there */
	struct conf_items sites;   /* struct site_settings; "default" is always there */
	struct conf_items routes;  /* struct route_settings */
};

/* Domains of shipped sites that an earlier site has are dropped from them: an operator may put them elsewhere. After loading, before
 * routing_check(). */
void routing_complete(struct arena *arena, struct routing_settings *settings);

/* What only all of them together show: names of sources and pools that do not exist, a domain in two sites, a route behind one that
 * takes all mail. For the check of the section that holds them at its top. */
void routing_check(struct conf *conf, const struct routing_settings *settings);

/* Mail of priority 4 to 9 (MT-PRIORITY) goes before other mail; told as 14 to 19. */
#define ROUTING_URGENT_PRIORITY 14
/* What stands for a pool in queue names and routing keys: its name; for urgent mail of a pool that has queues for it "<name>~urgent".
 * NULL: it has none. */
const char *routing_pool_word(const struct pool_settings *pool, bool is_urgent,
			      char out[ROUTING_NAME_MAX + 1]);

struct routing;
struct routing *routing_new(const struct routing_settings *settings); /* borrows the settings */
void routing_free(struct routing **routing);

const struct routing_settings *routing_settings(const struct routing *routing);
/* The site of a canonical domain: its name ("gmail"), or NULL for the tail. */
const char *routing_named_site(const struct routing *routing, const char *domain);
/* What stands for the site in routing keys: the named site, or the domain (one-label domains with a final dot). */
void routing_site_key(const struct routing *routing, const char *domain,
		      char out[ROUTING_NAME_MAX + 2]);
/* The site of a domain by its MX hosts, as answered: the first whose patterns match all of those with the lowest preference. NULL: none,
 * or there are no hosts. */
struct routing_mx {
	const char *host; /* canonical, no final dot */
	unsigned preference;
};
const char *routing_site_of_mx(const struct routing *routing, const struct routing_mx *hosts,
			       size_t count);
bool routing_has_mx(const struct routing *routing); /* some site has patterns */
/* A site of the settings by its name, but for "default"; the name lives as long as the routing. NULL: there is none. */
const char *routing_known_site(const struct routing *routing, const char *name);
/* It has a queue of its own for each pool. False for "default". */
bool site_has_queue(const struct site_settings *site);
/* Settings in force for a site key: the named site's, else those of "default". Never NULL. */
const struct site_settings *routing_site_settings(const struct routing *routing, const char *site);
const struct pool_settings *routing_pool(const struct routing *routing,
					 const char *name); /* NULL when unknown */
const struct source_settings *routing_source(const struct routing *routing, const char *name);

/* Pattern of a route: a domain, *.example.com (what is below it), or * (all but the null sender). */
bool routing_is_pattern(const char *text); /* "" is one too: no condition */
bool routing_pattern_matches(const char *pattern, const char *domain);
/* The first route whose conditions hold. Domains canonical; "" for the null sender. NULL when none matches. */
const struct route_settings *routing_route(const struct routing *routing, const char *from_domain,
					   const char *to_domain);
/* The pool for a message: the one its client asked for if it exists, else the first matching route's, else "default". */
const char *routing_choose_pool(const struct routing *routing, const char *asked,
				const char *from_domain, const char *to_domain);

#endif
