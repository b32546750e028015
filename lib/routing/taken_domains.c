/* What sites of the files take away from those that are built in. */
#include <ctype.h>
#include <string.h>

#include "lib/routing/names.h"
#include "lib/routing/routing.h"
#include "lib/routing/shipped.h"

static bool is_new_domain(struct arena *arena, struct names *owners, const char *domain)
{
	char *copy = arena_cstr(arena, bytes_of(domain));
	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return !names_add(owners, copy, copy);
}

void routing_complete(struct arena *arena, struct routing_settings *settings)
{
	struct names *owners = names_new();
	for (size_t i = 0; i < settings->sites.count; i++) {
		struct site_settings *site = CONF_ITEM(&settings->sites, struct site_settings, i);
		bool may_drop = shipped_site_is(site->name);
		conf_texts kept = {
			.items = arena_zalloc(arena, site->domains.count + 1, sizeof(char *))};
		for (size_t j = 0; j < site->domains.count; j++) {
			const char *domain = site->domains.items[j];
			if (is_new_domain(arena, owners, domain) || !may_drop)
				kept.items[kept.count++] = domain;
		}
		site->domains = kept;
	}
	names_free(&owners);
}
