/* What the lanes have at a site, for people who look: nothing here changes anything. */
#include <string.h>

#include "workers/delivery/lane_inner.h"

bool lanes_view_site(const struct lanes *lanes, const char *name, struct lanes_site_view *ret)
{
	const struct site_load *site;
	const struct lane *lane;
	TAILQ_FOREACH(site, &lanes->sites, next)
	{
		if (strcmp(site->key, name) == 0)
			break;
	}
	if (!site)
		return false;
	*ret = (struct lanes_site_view){
		.limits = *allowance_limits(site->load.allowance),
		.held_count = allowance_held(site->load.allowance),
		.open_count = site->load.open_count,
		.idle_count = site->load.lingering_count,
		.is_shared = site->is_shared,
		.is_parked = site->is_parked,
	};
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		if (lane->site == site)
			ret->waiting_count += turns_count(lane->waiting);
	}
	return true;
}

/* The first lane of each source tells of it. */
static bool is_first_of_source(const struct lanes *lanes, const struct lane *lane)
{
	const struct lane *other;
	TAILQ_FOREACH(other, &lanes->all, all_next)
	{
		if (other->from == lane->from)
			return other == lane;
	}
	return false;
}

void lanes_view_sources(const struct lanes *lanes, const char *name,
			void (*each)(void *owner, const struct lanes_source_view *view),
			void *owner)
{
	const struct lane *lane;
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		if (strcmp(lane->site->key, name) != 0 || !is_first_of_source(lanes, lane))
			continue;
		const struct source_load *from = lane->from;
		size_t learned = shaped_sessions(from);
		each(owner, &(struct lanes_source_view){
				    .source = lane->source->name,
				    .limits = *allowance_limits(from->load.allowance),
				    .open_count = from->load.open_count,
				    .idle_count = from->load.lingering_count,
				    .learned_count = learned == SIZE_MAX ? -1 : (int64_t)learned,
			    });
	}
}
