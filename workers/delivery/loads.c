/* What is open with a site and from a source at a site, against what may be; who is starved of it is parked.
 *
 * A named site's limits are shared by all workers: what this one holds of them comes and goes. Without any of it for PARK_AFTER_MS,
 * while mail waits, the site is parked here, and asks on; when it gets some, its mail may come. */
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "workers/delivery/lane_inner.h"

#define PARK_AFTER_MS 2000
#define RENEW_MS      60000
#define KEY_MAX	      700
#define DAY_MS	      86400000

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

/* ---- sites and sources ---- */

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
	lane->from->lane_count++;
	shaped_refresh(lane);
}

void loads_leave(struct lane *lane)
{
	if (--lane->from->lane_count == 0)
		source_free(lane->lanes, lane->from);
	if (--lane->site->lane_count == 0 && !lane->site->is_parked)
		site_free(lane->site);
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
	while (!TAILQ_EMPTY(&lanes->sites))
		site_free(TAILQ_FIRST(&lanes->sites));
}

/* ---- counting ---- */

static size_t taken(const struct load *load)
{
	return load->open_count + load->lingering_count;
}

static void want(struct load *load, size_t more)
{
	load->wanted_count = more;
	allowance_want(load->allowance, taken(load), more);
}

static void count(struct load *load, int open, int lingering)
{
	load->open_count += (size_t)open;
	load->lingering_count += (size_t)lingering;
	if (open > 0 && load->wanted_count > 0)
		load->wanted_count--;
	want(load, load->wanted_count);
}

void loads_count(struct lane *lane, int open, int lingering)
{
	count(&lane->site->load, open, lingering);
	count(&lane->from->load, open, lingering);
}

bool loads_have_room(const struct lane *lane)
{
	return allowance_has_room(lane->site->load.allowance, taken(&lane->site->load)) &&
	       allowance_has_room(lane->from->load.allowance, taken(&lane->from->load)) &&
	       taken(&lane->from->load) < shaped_sessions(lane->from);
}

bool loads_site_has_room(const struct site_load *site)
{
	return allowance_has_room(site->load.allowance,
				  taken(&site->load) + site->load.in_line_count);
}

bool loads_source_has_room(const struct source_load *from)
{
	size_t count = taken(&from->load) + from->load.in_line_count;
	return allowance_has_room(from->load.allowance, count) && count < shaped_sessions(from);
}

void loads_count_in_line(struct lane *lane, int change)
{
	lane->site->load.in_line_count += (size_t)change;
	lane->from->load.in_line_count += (size_t)change;
}

bool loads_are_over(const struct lane *lane)
{
	return taken(&lane->site->load) > allowance_held(lane->site->load.allowance) ||
	       taken(&lane->from->load) > allowance_held(lane->from->load.allowance) ||
	       taken(&lane->from->load) > shaped_sessions(lane->from);
}

static int64_t longer(int64_t left, int64_t right)
{
	return left > right ? left : right;
}

int64_t loads_connect_wait_ms(const struct lane *lane)
{
	return longer(allowance_connect_wait_ms(lane->site->load.allowance),
		      allowance_connect_wait_ms(lane->from->load.allowance));
}

void loads_note_connect(const struct lane *lane)
{
	allowance_note_connect(lane->site->load.allowance);
	allowance_note_connect(lane->from->load.allowance);
}

int64_t loads_send_wait_ms(const struct lane *lane)
{
	int64_t shaped_ms = shaped_send_wait_ms(lane);
	int64_t shared_ms = longer(allowance_send_wait_ms(lane->site->load.allowance),
				   allowance_send_wait_ms(lane->from->load.allowance));
	return longer(shaped_ms, shared_ms);
}

void loads_note_send(const struct lane *lane)
{
	allowance_note_send(lane->site->load.allowance);
	allowance_note_send(lane->from->load.allowance);
	shaped_note_send(lane);
}

void loads_want(struct lane *lane, size_t more)
{
	want(&lane->site->load, more);
	want(&lane->from->load, more);
}

/* ---- looking now and then ---- */

static size_t missing(const struct lane *lane)
{
	size_t waiting = turns_count(lane->waiting);
	if (lane->resting_count > 0)
		return 0; /* more sessions would rest too */
	return waiting > lane->opening_count ? waiting - lane->opening_count : 0;
}

static void renew_limits(const struct lane *lane)
{
	int64_t now = loop_now_ms(lane->lanes->options.loop);
	if (now - lane->from->limits_at_ms < RENEW_MS)
		return;
	lane->from->limits_at_ms = now;
	struct limits limits = loads_source_limits(lane);
	allowance_set(lane->from->load.allowance, &limits);
}

static void count_wanted(struct lanes *lanes)
{
	struct site_load *site;
	struct lane *lane;
	TAILQ_FOREACH(site, &lanes->sites, next)
	{
		site->load.wanted_count = site->is_parked;
		site->waiting_count = site->is_parked;
	}
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		lane->from->load.wanted_count = 0;
	}
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		lane->site->waiting_count += turns_count(lane->waiting);
		lane->site->load.wanted_count += missing(lane);
		lane->from->load.wanted_count += missing(lane);
	}
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		want(&lane->from->load, lane->from->load.wanted_count);
		renew_limits(lane);
		shaped_refresh(lane);
	}
}

static void park(struct site_load *site, bool is_parked)
{
	const struct lanes_options *options = &site->lanes->options;
	site->is_parked = is_parked;
	site->starved_at_ms = 0;
	if (options->parked)
		options->parked(options->owner, site->key, is_parked);
}

static bool has_something(struct site_load *site)
{
	return allowance_held(site->load.allowance) > 0 &&
	       allowance_send_wait_ms(site->load.allowance) != TEMPO_UNKNOWN;
}

static bool is_closed_by_rule(const struct site_load *site)
{
	struct shaper *shaper = site->lanes->options.shaper;
	return shaper && shaper_site_closed_ms(shaper, site->key) > 0;
}

static void look_at_site(struct site_load *site)
{
	int64_t now = loop_now_ms(site->lanes->options.loop);
	want(&site->load, site->load.wanted_count);
	if (!site->has_queue || !site->is_shared)
		return;
	bool is_closed = is_closed_by_rule(site);
	bool is_starved = is_closed || (site->waiting_count > 0 && !has_something(site));
	if (site->is_parked) {
		if (!is_starved)
			park(site, false);
	} else if (!is_starved) {
		site->starved_at_ms = 0;
	} else if (site->starved_at_ms == 0) {
		site->starved_at_ms = now;
	} else if (is_closed || now - site->starved_at_ms >= PARK_AFTER_MS) {
		park(site, true);
	}
}

void loads_look(struct lanes *lanes)
{
	struct site_load *site, *next;
	count_wanted(lanes);
	for (site = TAILQ_FIRST(&lanes->sites); site; site = next) {
		next = TAILQ_NEXT(site, next);
		look_at_site(site);
		site_look_at_heat(site);
		if (site->lane_count == 0 && !site->is_parked)
			site_free(site);
	}
}
