/* The loads of a lane: that of its site, and that of its source there. Found or made when the lane comes; gone with the last lane, or when what
 * was done cannot matter for a rate any more. */
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "workers/delivery/lane_inner.h"

#define KEY_MAX	 700
#define DAY_MS	 86400000
#define KEPT_MAX 50000 /* sites, and sources at sites, that were left */

static int by_key(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void insert(void **tree, void *load)
{
	if (!tsearch(load, tree, by_key))
		abort();
}

static void *find(void *const *tree, const char *key)
{
	void **found = tfind(&key, tree, by_key);
	return found ? *found : NULL;
}

/* ---- sites ---- */

/* More or less may be done: lanes of the site are looked at. */
static void on_changed(void *owner)
{
	struct site_load *site = owner;
	struct lane *lane;
	TAILQ_FOREACH(lane, &site->lanes->all, all_next)
	{
		if (lane->site == site)
			lane_touch(lane);
	}
}

static struct allowance *new_allowance(struct site_load *site, const char *name,
				       const struct limits *limits)
{
	const struct lanes_options *options = &site->lanes->options;
	return allowance_new(&(struct allowance_options){
		.loop = options->loop,
		.broker = site->is_shared ? options->broker : NULL,
		.name = name,
		.limits = *limits,
		.changed = on_changed,
		.owner = site,
	});
}

static struct site_load *site_new(struct lanes *lanes, const char *key)
{
	char name[KEY_MAX];
	struct site_load *site = memory_new(sizeof *site);
	site->key = memory_text(key);
	site->lanes = lanes;
	site->settings = routing_site_settings(lanes->options.routing, key);
	site->has_queue = site->settings->own_queue && strcmp(site->settings->name, key) == 0;
	site->is_shared = site_limits_are_shared(site);
	site_turns_init(&site->turns);
	(void)snprintf(name, sizeof name, "site.%s", key);
	site_fill_limits(site);
	const struct limits limits = site_limits_now(site);
	site->load.allowance = new_allowance(site, name, &limits);
	TAILQ_INSERT_TAIL(&lanes->sites, site, next);
	insert(&lanes->sites_by_key, site);
	return site;
}

static void site_free(struct site_load *site)
{
	struct lanes *lanes = site->lanes;
	(void)tdelete(site, &lanes->sites_by_key, by_key);
	TAILQ_REMOVE(&lanes->sites, site, next);
	allowance_free(&site->load.allowance);
	site_turns_done(&site->turns);
	free(site->key);
	free(site);
}

/* ---- sources ---- */

static conf_rate lower_rate(conf_rate left, conf_rate right)
{
	if (left == 0 || right == 0)
		return left + right;
	return left < right ? left : right;
}

/* A source that warms up may do more each day. */
struct limits loads_source_limits(const struct lane *lane)
{
	const struct warmup_settings *warmup = lane->source->warmup;
	const struct site_settings *settings = &lane->site->in_force;
	conf_rate rate = warmup ? warmup_rate(warmup, loop_wall_ms(lane->lanes->options.loop)) : 0;
	return (struct limits){
		.connections = settings->connections_per_source,
		.connect_rate = settings->connect_rate_per_source,
		.rate = lower_rate(settings->rate_per_source, rate),
		.messages_per_connection = lane->source->messages_per_connection,
	};
}

static struct source_load *source_new(struct lane *lane, const char *key)
{
	struct source_load *from = memory_new(sizeof *from);
	from->key = memory_text(key);
	from->site = lane->site;
	source_turns_init(&from->turns);
	from->limits_at_ms = loop_now_ms(lane->lanes->options.loop);
	struct limits limits = loads_source_limits(lane);
	from->load.allowance = new_allowance(lane->site, key, &limits);
	from->answer = (struct shaping_answer){.rate_percent = 100, .connections_percent = 100};
	if (lane->lanes->options.shaper)
		from->learned = shaper_learned(lane->lanes->options.shaper, lane->source->name,
					       &lane->site->in_force, lane->site->key);
	insert(&lane->lanes->sources_by_key, from);
	return from;
}

static void source_free(struct lanes *lanes, struct source_load *from)
{
	TAILQ_REMOVE(&lanes->left, from, next);
	from->site->left_count--;
	(void)tdelete(from, &lanes->sources_by_key, by_key);
	if (from->learned)
		shaper_give_back(lanes->options.shaper, from->learned);
	allowance_free(&from->load.allowance);
	free(from->key);
	free(from);
}

static void source_key(const struct source *source, const char *site, char out[KEY_MAX])
{
	(void)snprintf(out, KEY_MAX, "source.%s.%s", source->name, site);
}

/* ---- lanes come and go ---- */

/* What is allowed may have changed since it was left. */
static void come_back(struct lane *lane)
{
	struct source_load *from = lane->from;
	const struct limits limits = loads_source_limits(lane);
	TAILQ_REMOVE(&lane->lanes->left, from, next);
	from->site->left_count--;
	from->limits_at_ms = loop_now_ms(lane->lanes->options.loop);
	allowance_share(from->load.allowance,
			lane->site->is_shared ? lane->lanes->options.broker : NULL);
	allowance_set(from->load.allowance, &limits);
	if (from->learned)
		learned_limit(from->learned, &lane->site->in_force);
}

void loads_join(struct lane *lane, const char *site)
{
	struct lanes *lanes = lane->lanes;
	char key[KEY_MAX];
	source_key(lane->source, site, key);
	lane->site = find(&lanes->sites_by_key, site);
	if (!lane->site)
		lane->site = site_new(lanes, site);
	lane->site->lane_count++;
	lane->from = find(&lanes->sources_by_key, key);
	if (!lane->from)
		lane->from = source_new(lane, key);
	else if (lane->from->lane_count == 0)
		come_back(lane);
	lane->from->lane_count++;
	shaped_refresh(lane);
}

static bool is_done_with(const struct site_load *site)
{
	return site->lane_count + site->left_count == 0 && !site->is_parked &&
	       allowance_rest_ms(site->load.allowance) == 0;
}

void loads_leave(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;
	if (--lane->from->lane_count == 0) {
		TAILQ_INSERT_TAIL(&lanes->left, lane->from, next);
		lane->site->left_count++;
		allowance_want(lane->from->load.allowance, 0, 0);
		if (allowance_rest_ms(lane->from->load.allowance) == 0)
			source_free(lanes, lane->from);
	}
	lane->site->lane_count--;
	if (is_done_with(lane->site))
		site_free(lane->site);
}

/* Those that were left while a rate had not passed yet, so that leaving and coming back gains nothing. */
void loads_sweep(struct lanes *lanes)
{
	struct site_load *site, *next_site;
	struct source_load *from, *next;
	size_t kept = 0;
	for (from = TAILQ_FIRST(&lanes->left); from; from = next) {
		next = TAILQ_NEXT(from, next);
		if (++kept > KEPT_MAX || allowance_rest_ms(from->load.allowance) == 0)
			source_free(lanes, from);
	}
	kept = 0;
	for (site = TAILQ_FIRST(&lanes->sites); site; site = next_site) {
		next_site = TAILQ_NEXT(site, next);
		bool is_left = site->lane_count + site->left_count == 0 && !site->is_parked;
		if (is_done_with(site) || (is_left && ++kept > KEPT_MAX))
			site_free(site);
	}
}

int64_t lanes_source_wait_ms(const struct lanes *lanes, const struct source *source,
			     const char *site)
{
	char key[KEY_MAX];
	size_t waiting = 0;
	const struct lane *lane;
	source_key(source, site, key);
	const struct source_load *from = find(&lanes->sources_by_key, key);
	conf_rate rate = from ? allowance_limits(from->load.allowance)->rate : 0;
	if (rate == 0)
		return 0;
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		if (lane->from == from)
			waiting += turns_count(lane->waiting);
	}
	int64_t wait_ms = allowance_send_wait_ms(from->load.allowance);
	if (wait_ms == TEMPO_UNKNOWN)
		wait_ms = 0;
	return wait_ms + (int64_t)waiting * (DAY_MS / rate);
}

void loads_free(struct lanes *lanes)
{
	while (!TAILQ_EMPTY(&lanes->left))
		source_free(lanes, TAILQ_FIRST(&lanes->left));
	while (!TAILQ_EMPTY(&lanes->sites))
		site_free(TAILQ_FIRST(&lanes->sites));
}
