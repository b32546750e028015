/* The set of lanes: they are looked at when something happened to them, and go when nobody uses them for a while. */
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
		.guests = lane->site->turns.guests,
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

/* ---- what the turn's end does ---- */

static void renew_claim(struct lane *lane)
{
	if (lane->place == LANE_AT_SITE)
		aside_renew(lane);
}

static void on_turn_end(void *owner)
{
	struct lanes *lanes = owner;
	struct lane *lane;
	while ((lane = TAILQ_FIRST(&lanes->touched))) {
		TAILQ_REMOVE(&lanes->touched, lane, touched_next);
		lane->is_touched = false;
		lane_look(lane);
		renew_claim(lane);
		lanes_recall(lane->site);
	}
	lanes_serve(lanes);
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
	lane_leave_place(lane);
	guest_give(&lane->granted);
	if (lane->is_touched)
		TAILQ_REMOVE(&lanes->touched, lane, touched_next);
	exchange_question_cancel(&lane->question);
	while (!LIST_EMPTY(&lane->links))
		link_forget(LIST_FIRST(&lane->links));
	(void)tdelete(lane, &lanes->by_key, by_lane_key);
	TAILQ_REMOVE(&lanes->all, lane, all_next);
	turns_free(&lane->waiting);
	loads_leave(lane);
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
			lane_forget_lingering(lane, lane->lingering_count);
		renew_claim(lane);
		lanes_recall(lane->site);
		lane_shed(lane);
		if (is_idle(lane, now))
			lane_free(lane);
	}
	loads_look(lanes);
	lanes_serve(lanes);
	if (!TAILQ_EMPTY(&lanes->all) || !TAILQ_EMPTY(&lanes->sites) || !TAILQ_EMPTY(&lanes->left))
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
	TAILQ_INIT(&lanes->left);
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
