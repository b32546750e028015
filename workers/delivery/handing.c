/* What is known of a site that is lent, at its change of hands. Entries are looked for one at a time, as those found are borrowed only
 * until the table changes. */
#include "workers/delivery/shaper_inner.h"

struct search {
	const struct shaping_force *force;
	const char *to; /* NULL: any entry will do */
	int64_t now_ms;
	const struct shaping_entry *found;
};

/* The same for the other site. */
static void again_for(const struct shaping_entry *entry, const char *site, int64_t now_ms,
		      struct shaping_fired *fired, struct shaping_facts *facts)
{
	shaping_entry_again(entry, now_ms, fired, facts);
	facts->site = site;
}

static void look(void *owner, const struct shaping_entry *entry)
{
	struct search *search = owner;
	struct shaping_fired fired;
	struct shaping_facts facts;
	if (search->found || entry->until_ms <= search->now_ms)
		return;
	if (search->to) {
		again_for(entry, search->to, search->now_ms, &fired, &facts);
		if (shaping_force_find(search->force, entry->action, &facts))
			return;
	}
	search->found = entry;
}

static const struct shaping_entry *find(const struct shaper *shaper, const char *of, const char *to)
{
	struct search search = {
		.force = shaper->force, .to = to, .now_ms = loop_now_ms(shaper->options.loop)};
	shaping_force_each(shaper->force, of, look, &search);
	return search.found;
}

void shaper_forget(struct shaper *shaper, const char *site)
{
	const struct shaping_entry *entry;
	while ((entry = find(shaper, site, NULL)))
		(void)shaper_cancel(shaper, shaper_entry_id(entry));
	learned_probe(shaper->learned, site, "");
}

void shaper_hand_over(struct shaper *shaper, const char *from, const char *to)
{
	const struct shaping_entry *entry;
	while ((entry = find(shaper, from, to))) {
		struct shaping_fired fired;
		struct shaping_facts facts;
		again_for(entry, to, loop_now_ms(shaper->options.loop), &fired, &facts);
		if (!shaping_force_add(shaper->force, &fired, &facts))
			break; /* the table is full */
	}
	shaper_changed(shaper, to);
}
