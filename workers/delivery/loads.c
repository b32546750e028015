/* What is open with a site and from a source at a site, against what may be; who is starved of it is parked.
 *
 * A named site's limits are shared by all workers: what this one holds of them comes and goes. Without any of it for PARK_AFTER_MS,
 * while mail waits, the site is parked here, and asks on; when it gets some, its mail may come. */
#include "workers/delivery/lane_inner.h"

#define PARK_AFTER_MS 2000
#define RENEW_MS      60000

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
	struct site_load *site;
	count_wanted(lanes);
	TAILQ_FOREACH(site, &lanes->sites, next)
	{
		look_at_site(site);
		site_look_at_heat(site);
	}
	loads_sweep(lanes);
}
