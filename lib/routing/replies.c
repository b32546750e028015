/* See replies.h. */
#include "lib/routing/replies.h"

#include "lib/base/memory.h"
#include "lib/routing/lent.h"

enum err replies_rules_new(const struct shaping_settings *settings, const struct conf_items *sites,
			   struct shaping_rules **ret, FILE *faults, struct why *why)
{
	struct shaping_site *replies = memory_array(sites->count, sizeof(struct shaping_site));
	size_t count = 0;
	for (size_t i = 0; i < sites->count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		if (lent_index(site->name) < 0) /* theirs are those of `default`, asked anyway */
			replies[count++] = (struct shaping_site){site->name, &site->replies};
	}
	enum err err = shaping_rules_new(settings, replies, count, ret, faults, why);
	free(replies);
	return err;
}
