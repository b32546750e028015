/* The set of lanes, and who gets the next connection: lanes stand in line and are served in turn, one connection each. A lane whose site
 * has no room stands aside until a session of that site ends. Lanes and sites that nobody uses go after a while. */
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "workers/delivery/lane_inner.h"

#define TICK_MS	     250
#define LANE_IDLE_MS 5000

/* ---- trees ---- */

static int by_lane_key(const void *left, const void *right)
{
	return strcmp(((const struct lane *)left)->key, ((const struct lane *)right)->key);
}

static void on_go_on(void *owner)
{
	lane_touch(owner);
}

static struct lane *lane_new(struct lanes *lanes, const struct lane_name *name, const char *key)
{
	struct lane *lane = memory_new(sizeof *lane);
	lane->lanes = lanes;
	lane->key = memory_text(key);
	lane->next_hop = memory_text(name->next_hop);
	lane->route = name->route;
	lane->require_tls = name->require_tls;
	lane->heeds_no_tls = name->heeds_no_tls;
	lane->source = name->source;
	loads_join(lane, name->site);
	lane->waiting = turns_new(&(struct turns_options){
		.parties = lanes->parties,
		.site = lane->site->key,
		.is_shared = lane->site->is_shared,
		.settings = &lane->site->in_force,
	});
	lane->go_on = timer_new(lanes->options.loop, on_go_on, lane);
	LIST_INIT(&lane->links);
	TAILQ_INSERT_TAIL(&lanes->all, lane, all_next);
	if (!tsearch(lane, &lanes->by_key, by_lane_key))
		abort();
	return lane;
}

static struct lane *lane_for(struct lanes *lanes, const struct lane_name *name)
{
	char key[1200];
	(void)snprintf(key, sizeof key, "%p %d %d %s\n%s\n%s", (const void *)name->route,
		       name->require_tls, name->heeds_no_tls, name->next_hop, name->source->name,
		       name->site);
	struct lane wanted = {.key = key};
	struct lane **found = tfind(&wanted, &lanes->by_key, by_lane_key);
	return found ? *found : lane_new(lanes, name, key);
}

/* ---- places in line ---- */

static void leave_place(struct lane *lane)
{
	if (lane->place == LANE_IN_LINE)
		TAILQ_REMOVE(&lane->lanes->line, lane, place_next);
	else if (lane->place == LANE_AT_SITE)
		TAILQ_REMOVE(&lane->site->waiting, lane, place_next);
	lane->place = LANE_NOWHERE;
}

void lane_stand_in_line(struct lane *lane)
{
	if (lane->place != LANE_NOWHERE || !lane_wants_link(lane))
		return;
	TAILQ_INSERT_TAIL(&lane->lanes->line, lane, place_next);
	lane->place = LANE_IN_LINE;
}

static void stand_aside(struct lane *lane)
{
	TAILQ_INSERT_TAIL(&lane->site->waiting, lane, place_next);
	lane->place = LANE_AT_SITE;
	loads_want(lane, turns_count(lane->waiting));
}

/* The first lane of those that stand aside which still wants a connection, if the site has one. */
static void recall_to_line(struct site_load *site)
{
	struct lane *lane;
	while ((lane = TAILQ_FIRST(&site->waiting)) && loads_have_room(lane)) {
		leave_place(lane);
		lane_stand_in_line(lane);
		if (lane->place == LANE_IN_LINE)
			return;
	}
}

bool lanes_are_crowded(const struct lanes *lanes, const struct lane *lane)
{
	return !TAILQ_EMPTY(&lanes->line) || !TAILQ_EMPTY(&lane->site->waiting);
}

/* ---- serving ---- */

static void forget_lingering(struct lane *lane, size_t count)
{
	lane->lingering_count -= count;
	loads_count(lane, 0, -(int)count);
}

/* An idle connection is taken even where it was given back by a lane of another site, if there is room for it. When the client has none,
 * those of this lane are gone: closed by the remote, or in use by others who count them now. */
static bool reuse(struct lane *lane)
{
	if (lane->lingering_count == 0 && !loads_have_room(lane))
		return false;
	if (link_reuse(lane)) {
		if (lane->lingering_count > 0)
			forget_lingering(lane, 1);
		return true;
	}
	forget_lingering(lane, lane->lingering_count);
	return false;
}

/* Sessions that are being opened for nobody whose connect_rate is limited. */
static size_t free_opening(const struct lane *lane)
{
	const struct link *link;
	size_t count = 0;
	LIST_FOREACH(link, &lane->links, next)
	{
		count += !link->is_ready && !link->opened_for.by_tenant &&
			 !link->opened_for.by_campaign;
	}
	return count;
}

static int64_t connect_wait_ms(const struct lane *lane, struct turns_opener *ret)
{
	int64_t wait_ms = loads_connect_wait_ms(lane);
	int64_t others_ms = turns_open(lane->waiting, free_opening(lane), ret);
	return wait_ms > others_ms ? wait_ms : others_ms;
}

enum served { SERVED, SERVED_NOT, WORKER_IS_FULL };

static enum served serve(struct lane *lane)
{
	const struct lanes_options *options = &lane->lanes->options;
	const struct lane_endpoint *endpoint = lane_next_endpoint(lane);
	if (!endpoint || !lane_wants_link(lane))
		return SERVED_NOT;
	if (reuse(lane))
		return SERVED;
	if (!loads_have_room(lane)) {
		tap_wait(lane, "as many sessions are open as may be", 0);
		stand_aside(lane);
		return SERVED_NOT;
	}
	struct turns_opener opener;
	int64_t wait_ms = connect_wait_ms(lane, &opener);
	if (wait_ms > 0) {
		tap_wait(lane, "connect_rate lets no session begin", wait_ms);
		lane_wait(lane, wait_ms);
		return SERVED_NOT;
	}
	if (smtp_client_open_count(options->client) >= (size_t)options->settings->max_sessions) {
		tap_wait(lane, "workers.max_sessions are open", 0);
		return WORKER_IS_FULL;
	}
	loads_note_connect(lane);
	link_open(lane, endpoint, &opener);
	return SERVED;
}

static void serve_line(struct lanes *lanes)
{
	struct lane *lane;
	while (!lanes->is_held && (lane = TAILQ_FIRST(&lanes->line))) {
		leave_place(lane);
		enum served served = serve(lane);
		if (served == WORKER_IS_FULL) {
			TAILQ_INSERT_HEAD(&lanes->line, lane, place_next);
			lane->place = LANE_IN_LINE;
			return;
		}
		if (served == SERVED)
			lane_stand_in_line(lane);
		recall_to_line(lane->site);
	}
}

static void on_turn_end(void *owner)
{
	struct lanes *lanes = owner;
	struct lane *lane;
	while ((lane = TAILQ_FIRST(&lanes->touched))) {
		TAILQ_REMOVE(&lanes->touched, lane, touched_next);
		lane->is_touched = false;
		lane_look(lane);
		recall_to_line(lane->site);
	}
	serve_line(lanes);
	if (!timer_is_running(lanes->tick))
		timer_start(lanes->tick, TICK_MS);
}

void lane_touch(struct lane *lane)
{
	if (!lane->is_touched)
		TAILQ_INSERT_TAIL(&lane->lanes->touched, lane, touched_next);
	lane->is_touched = true;
	loop_defer(lane->lanes->options.loop, &lane->lanes->task);
}

/* ---- growing old ---- */

static void lane_free(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;
	leave_place(lane);
	if (lane->is_touched)
		TAILQ_REMOVE(&lanes->touched, lane, touched_next);
	exchange_question_cancel(&lane->question);
	while (!LIST_EMPTY(&lane->links))
		link_forget(LIST_FIRST(&lane->links));
	(void)tdelete(lane, &lanes->by_key, by_lane_key);
	TAILQ_REMOVE(&lanes->all, lane, all_next);
	loads_leave(lane);
	turns_free(&lane->waiting);
	timer_free(&lane->go_on);
	lane_drop_endpoints(lane);
	free(lane->key);
	free(lane->next_hop);
	free(lane);
}

static bool is_idle(const struct lane *lane, int64_t now)
{
	return turns_count(lane->waiting) == 0 && LIST_EMPTY(&lane->links) && !lane->question &&
	       lane->lingering_count == 0 && now >= lane->dead_until_ms &&
	       now - lane->used_at_ms >= LANE_IDLE_MS;
}

/* Also the second chance of a line that waits for sessions which the client closes by itself. */
static void on_tick(void *owner)
{
	struct lanes *lanes = owner;
	int64_t now = loop_now_ms(lanes->options.loop);
	struct lane *lane, *next;
	for (lane = TAILQ_FIRST(&lanes->all); lane; lane = next) {
		next = TAILQ_NEXT(lane, all_next);
		if (lane->lingering_count > 0 && now >= lane->lingering_until_ms)
			forget_lingering(lane, lane->lingering_count);
		recall_to_line(lane->site);
		lane_shed(lane);
		if (is_idle(lane, now))
			lane_free(lane);
	}
	loads_look(lanes);
	serve_line(lanes);
	if (!TAILQ_EMPTY(&lanes->all) || !TAILQ_EMPTY(&lanes->sites))
		timer_start(lanes->tick, TICK_MS);
}

/* ---- entry points ---- */

void lanes_submit(struct lanes *lanes, const struct lane_name *name,
		  struct transaction *transaction)
{
	struct lane *lane = lane_for(lanes, name);
	transaction->lane = lane;
	transaction->link = NULL;
	transaction->is_second_try = false;
	transaction->by_tenant = transaction->by_campaign = NULL;
	transaction->since_ms = loop_now_ms(lanes->options.loop);
	if (turns_count(lane->waiting) == 0 && LIST_EMPTY(&lane->links))
		lane->done_at_ms = transaction->since_ms;
	turns_add(lane->waiting, transaction);
	lane_touch(lane);
}

bool transaction_withdraw(struct transaction *transaction)
{
	struct lane *lane = transaction->lane;
	if (!lane)
		return false;
	turns_remove(lane->waiting, transaction);
	transaction->lane = NULL;
	return true;
}

void transaction_prepared(struct transaction *transaction, bool can_be_sent)
{
	if (transaction->link)
		link_go_on(transaction->link, can_be_sent);
	else if (!can_be_sent && transaction_withdraw(transaction))
		transaction->handler->done(transaction);
}

static void touch_waiting(struct lanes *lanes)
{
	struct lane *lane;
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		if (turns_count(lane->waiting) > 0)
			lane_touch(lane);
	}
}

void lanes_hold(struct lanes *lanes, bool is_held)
{
	lanes->is_held = is_held;
	if (!is_held)
		touch_waiting(lanes);
}

static void on_shaped(void *owner, const char *site)
{
	struct lanes *lanes = owner;
	struct lane *lane;
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		if (site && strcmp(lane->site->key, site) != 0)
			continue;
		shaped_refresh(lane);
		if (turns_count(lane->waiting) > 0)
			lane_touch(lane);
	}
}

/* Some tenant's or campaign's: whoever waits looks. */
static void on_parties_changed(void *owner)
{
	touch_waiting(owner);
}

struct lanes *lanes_new(const struct lanes_options *options)
{
	struct lanes *lanes = memory_new(sizeof *lanes);
	lanes->options = *options;
	lanes->in_clear = tls_demand_new(&(const struct tls_demand){.host_name = ""});
	TAILQ_INIT(&lanes->all);
	TAILQ_INIT(&lanes->sites);
	TAILQ_INIT(&lanes->touched);
	TAILQ_INIT(&lanes->line);
	lanes->has_tails = limiting_has_tails(options->routing);
	lanes->is_held = true;
	lanes->task = (struct task){.run = on_turn_end, .owner = lanes};
	lanes->tick = timer_new(options->loop, on_tick, lanes);
	lanes->parties = parties_new(&(struct parties_options){
		.loop = options->loop,
		.broker = options->broker,
		.changed = on_parties_changed,
		.owner = lanes,
	});
	if (options->shaper)
		shaper_watch(options->shaper, on_shaped, lanes);
	if (options->taps)
		taps_watch(options->taps, tap_anew, lanes);
	return lanes;
}

void lanes_free(struct lanes **lanes)
{
	struct lanes *l = *lanes;
	if (!l)
		return;
	*lanes = NULL;
	if (l->options.shaper)
		shaper_watch(l->options.shaper, NULL, NULL);
	if (l->options.taps)
		taps_watch(l->options.taps, NULL, NULL);
	while (!TAILQ_EMPTY(&l->all))
		lane_free(TAILQ_FIRST(&l->all));
	loads_free(l);
	parties_free(&l->parties);
	task_cancel(&l->task, l->options.loop);
	timer_free(&l->tick);
	tls_demand_unref(&l->in_clear);
	free(l);
}
