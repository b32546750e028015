/* What workers learned of domains: which site they belong to, by their MX hosts. The bouncer keeps the table, every node has a copy, so
 * that ingest routes by it without asking the DNS (replica NULL: nothing was learned). An entry holds for LEARNED_SITE_MS and is learned again after half of that. Any thread. */
#ifndef LEVERET_BROKER_LEARNED_SITES_H
#define LEVERET_BROKER_LEARNED_SITES_H

#include "broker/replica.h"
#include "lib/routing/routing.h"

#define LEARNED_SITES_TABLE "sites" /* name to give replica_new() */
#define LEARNED_SITES_MAX   1000000 /* entries; what comes beyond them is not kept */
#define LEARNED_SLOT_PREFIX                                                                        \
	"slot/" /* and a number: whose the queue is that is lent under it; no domain */
#define LEARNED_SITE_MS INT64_C(604800000)

/* An entry of the table; `site` empty: forgotten. */
struct learned_site {
	char site[ROUTING_NAME_MAX + 1], domain[ROUTING_NAME_MAX + 1];
	int64_t until_wall_ms;
};
/* What the copy has of a canonical domain, expired or not. E_NOT_FOUND; anything else: it cannot be read, or not understood. */
enum err learned_site_read(struct replica *replica, const char *domain,
			   struct learned_site *ret) MUST_USE;
/* The key of the row that says whose a queue is that is lent (lib/routing/lent.h). */
void learned_slot_key(int index, char out[ROUTING_NAME_MAX + 1]);
/* The learned site of a domain, as the routing names it. NULL: none is known, it has expired, or the settings have no such site. */
const char *learned_site_find(struct replica *replica, const struct routing *routing,
			      const char *domain, int64_t wall_ms);
/* The routing name of a domain: of the settings' lists, else of what was learned, else the domain's own. */
void learned_site_key(struct replica *replica, const struct routing *routing, const char *domain,
		      int64_t wall_ms, char out[ROUTING_NAME_MAX + 2]);
/* Is it worth telling the bouncer (again) that the domain belongs to this site? Pure but for the look-up. */
bool learned_site_is_news(struct replica *replica, const char *domain, const char *site,
			  int64_t wall_ms);

#endif
