/* Limits in force: those of the settings, with what operators changed at run time put over them. */
#include <string.h>

#include "lib/obs/log.h"
#include "lib/routing/lent.h"
#include "lib/routing/limiting.h"
#include "workers/delivery/lane_inner.h"

void site_fill_limits(struct site_load *site)
{
	const struct lanes_options *options = &site->lanes->options;
	site->in_force = *site->settings;
	if (!options->limits)
		return;
	const char *domain = options->lent_to ? options->lent_to(options->owner, site->key) : "";
	int64_t now = loop_wall_ms(options->loop);
	site_limits_fill(options->limits, site->key, now, &site->in_force);
	if (domain[0])
		site_limits_fill(options->limits, domain, now, &site->in_force);
}

/* Of the tail's mail for a site one worker has all of a pool's. Where there is one pool there is nothing to share; where there are more, what
 * somebody set is: of named sites, and at run time. Limits of `default` are each pool's, for there may be a million domains. */
bool site_limits_are_shared(const struct site_load *site)
{
	const struct lanes_options *options = &site->lanes->options;
	if (!options->broker || site->has_queue || !site->lanes->has_tails)
		return options->broker && site->has_queue;
	const struct site_limit *limit =
		options->limits ? site_limits_of(options->limits, bytes_of(site->key)) : NULL;
	return strcmp(site->settings->name, site->key) == 0 ||
	       (limit && site_limit_is_in_force(limit, loop_wall_ms(options->loop)));
}

bool limiting_has_tails(const struct routing *routing)
{
	const struct conf_items *pools = &routing_settings(routing)->pools;
	char word[ROUTING_NAME_MAX + 1];
	return pools->count > 1 ||
	       (pools->count == 1 &&
		routing_pool_word(CONF_ITEM(pools, struct pool_settings, 0), true, word));
}

struct limits site_limits_now(const struct site_load *site)
{
	return (struct limits){.connections = site->in_force.connections,
			       .connect_rate = site->in_force.connect_rate,
			       .rate = site->in_force.rate,
			       .messages_per_connection = site->in_force.messages_per_connection};
}

/* A domain that a rule closed is hot too: what comes for it is no business of the tail. */
static bool is_hot(struct site_load *site)
{
	const struct lanes_options *options = &site->lanes->options;
	int64_t now = loop_now_ms(options->loop);
	if (lent_index(site->key) >= 0)
		return site->waiting_count > 0 || site->load.open_count > 0 || site->is_parked;
	if (!strchr(site->key, '.'))
		return false;
	if (options->shaper && shaper_site_closed_ms(options->shaper, site->key) > 0)
		return true;
	if (site->waiting_count < (size_t)options->settings->hot_waiting) {
		site->hot_at_ms = 0;
		return false;
	}
	if (site->hot_at_ms == 0)
		site->hot_at_ms = now;
	return now - site->hot_at_ms >= options->settings->hot_after;
}

void site_look_at_heat(struct site_load *site)
{
	const struct lanes_options *options = &site->lanes->options;
	if (options->hot && is_hot(site))
		options->hot(options->owner, site->key);
}

static void relimit(struct site_load *site)
{
	struct site_settings before = site->in_force;
	bool was_shared = site->is_shared;
	struct lane *lane;
	site_fill_limits(site);
	site->is_shared = site_limits_are_shared(site);
	if (limiting_is_same(&before, &site->in_force) && was_shared == site->is_shared)
		return;
	struct broker *sharing = site->is_shared ? site->lanes->options.broker : NULL;
	const struct limits limits = site_limits_now(site);
	log_event(EV_site_limited, F_TEXT("site", site->key),
		  F_INT("connections", limits.connections), F_INT("rate_per_day", limits.rate));
	allowance_share(site->load.allowance, sharing);
	allowance_set(site->load.allowance, &limits);
	TAILQ_FOREACH(lane, &site->lanes->all, all_next)
	{
		if (lane->site != site)
			continue;
		const struct limits of_source = loads_source_limits(lane);
		allowance_share(lane->from->load.allowance, sharing);
		allowance_set(lane->from->load.allowance, &of_source);
		if (lane->from->learned)
			learned_limit(lane->from->learned, &site->in_force);
		turns_relimit(lane->waiting, site->is_shared);
		shaped_refresh(lane);
		lane_touch(lane);
	}
}

int64_t loads_messages_max(const struct lane *lane)
{
	int64_t of_site = lane->site->in_force.messages_per_connection;
	int64_t of_source = lane->source->messages_per_connection;
	return of_source > 0 && of_source < of_site ? of_source : of_site;
}

void lanes_relimit(struct lanes *lanes)
{
	bool has_limits = lanes->options.limits && site_limits_at(lanes->options.limits, 0);
	struct site_load *site;
	if (!has_limits && !lanes->has_limits)
		return;
	lanes->has_limits = has_limits;
	TAILQ_FOREACH(site, &lanes->sites, next)
	{
		relimit(site);
	}
}
