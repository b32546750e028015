#include "bouncer/telling/replays.h"

#include <stdio.h>
#include <sys/queue.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/conf/units.h"

struct running {
	struct replays *all;
	struct replay *replay;
	void (*counted)(void *owner, enum err err, uint64_t count); /* NULL: it is not dry */
	void *owner;
	bool has_ended;
	LIST_ENTRY(running) next;
};

struct last {
	char name[300];
	struct replay_state state;
	LIST_ENTRY(last) next;
};

struct replays {
	struct loop *loop;
	struct webhooks *webhooks;
	char *directory;
	size_t count;
	struct timer *reap; /* those that have ended */
	LIST_HEAD(, running) running;
	LIST_HEAD(, last) lasts;
};

/* ---- ends ---- */

static struct last *last_of(const struct replays *replays, const char *name)
{
	struct last *last;
	LIST_FOREACH(last, &replays->lasts, next)
	if (strcmp(last->name, name) == 0)
		return last;
	return NULL;
}

static void remember(struct replays *replays, const struct running *running)
{
	const char *name = replay_name(running->replay);
	struct last *last = last_of(replays, name);
	if (!last) {
		last = memory_new(sizeof *last);
		(void)snprintf(last->name, sizeof last->name, "%s", name);
		LIST_INSERT_HEAD(&replays->lasts, last, next);
	}
	last->state = *replay_state(running->replay);
}

static void end(struct running *running)
{
	running->all->count--;
	LIST_REMOVE(running, next);
	replay_free(&running->replay);
	free(running);
}

static void on_reap(void *owner)
{
	struct replays *replays = owner;
	struct running *running, *next;
	for (running = LIST_FIRST(&replays->running); running; running = next) {
		next = LIST_NEXT(running, next);
		if (running->has_ended)
			end(running);
	}
}

static void on_ended(void *owner, const struct replay_state *state)
{
	struct running *running = owner;
	running->has_ended = true;
	if (running->counted)
		running->counted(running->owner, state->why[0] ? E_IO : OK, state->events);
	else
		remember(running->all, running);
	timer_start(running->all->reap, 0);
}

/* ---- public ---- */

static bool is_running(const struct replays *replays, struct bytes name)
{
	const struct running *running;
	LIST_FOREACH(running, &replays->running, next)
	if (!running->has_ended && !running->counted &&
	    bytes_is(name, replay_name(running->replay)))
		return true;
	return false;
}

static enum err may_start(const struct replays *replays, const struct webhook_view *view,
			  const struct replay_order *order, struct why *why)
{
	if (order->is_dry)
		return replays->count < REPLAYS_MAX ? OK : fail(why, E_BLOCKED, "busy");
	if (view->state->mode != WEBHOOK_ON)
		return fail(why, E_REFUSED, "the webhook is %s",
			    webhook_mode_name(view->state->mode));
	if (is_running(replays, bytes_of(view->settings->name)))
		return fail(why, E_BLOCKED, "the webhook is being told again already");
	return replays->count < REPLAYS_MAX ? OK : fail(why, E_BLOCKED, "busy");
}

enum err replays_start(struct replays *replays, struct bytes name, const struct replay_order *order,
		       void (*counted)(void *owner, enum err err, uint64_t count), void *owner,
		       struct why *why)
{
	struct webhook_view view;
	if (!webhooks_find(replays->webhooks, name, &view))
		return fail(why, E_NOT_FOUND, "there is no such webhook");
	enum err err = may_start(replays, &view, order, why);
	if (err)
		return err;
	struct running *running = memory_new(sizeof *running);
	*running = (struct running){.all = replays, .counted = counted, .owner = owner};
	const struct replay_options options = {
		.loop = replays->loop,
		.resolver = webhooks_resolver(replays->webhooks),
		.directory = replays->directory,
		.settings = view.settings,
		.row = view.row,
		.place = webhooks_place(replays->webhooks),
		.order = *order,
		.ended = on_ended,
		.owner = running,
	};
	LIST_INSERT_HEAD(&replays->running, running, next);
	replays->count++;
	running->replay = replay_start(&options);
	return OK;
}

bool replays_last(const struct replays *replays, const char *name, struct replay_state *ret)
{
	const struct running *running;
	LIST_FOREACH(running, &replays->running, next)
	if (!running->counted && strcmp(replay_name(running->replay), name) == 0) {
		*ret = *replay_state(running->replay);
		return true;
	}
	const struct last *last = last_of(replays, name);
	if (last)
		*ret = last->state;
	return last != NULL;
}

struct replays *replays_new(struct loop *loop, struct webhooks *webhooks, const char *directory)
{
	struct replays *replays = memory_new(sizeof *replays);
	*replays = (struct replays){
		.loop = loop, .webhooks = webhooks, .directory = memory_text(directory)};
	replays->reap = timer_new(loop, on_reap, replays);
	LIST_INIT(&replays->running);
	LIST_INIT(&replays->lasts);
	return replays;
}

void replays_free(struct replays **replays)
{
	struct replays *freeing = *replays;
	struct running *running;
	struct last *last;
	*replays = NULL;
	if (!freeing)
		return;
	while ((running = LIST_FIRST(&freeing->running))) {
		if (running->counted && !running->has_ended)
			running->counted(running->owner, E_CANCELLED, 0);
		end(running);
	}
	while ((last = LIST_FIRST(&freeing->lasts))) {
		LIST_REMOVE(last, next);
		free(last);
	}
	timer_free(&freeing->reap);
	free(freeing->directory);
	free(freeing);
}

/* ---- what is asked for ---- */

static bool read_time(struct bytes text, int64_t now_wall_ms, int64_t *ret)
{
	char copy[64];
	int64_t ago_ms;
	if (clock_parse_rfc3339(text, ret))
		return true;
	if (!bytes_to_cstr(text, copy, sizeof copy) || !units_parse_duration(copy, &ago_ms))
		return false;
	*ret = now_wall_ms - ago_ms;
	return true;
}

static bool read_kinds(struct bytes text, unsigned *ret)
{
	char name[40];
	*ret = 0;
	while (text.len > 0) {
		ptrdiff_t comma = bytes_find(text, ',');
		struct bytes word = bytes_trim(comma < 0 ? text : bytes_first(text, (size_t)comma));
		if (!bytes_to_cstr(word, name, sizeof name) || !bouncer_event_kind_of(name))
			return false;
		*ret |= 1u << bouncer_event_kind_of(name);
		text = comma < 0 ? BYTES_NONE : bytes_skip(text, (size_t)comma + 1);
	}
	return true;
}

enum err replay_order_read(struct bytes since, struct bytes until, struct bytes kinds,
			   int64_t now_wall_ms, struct replay_order *ret, struct why *why)
{
	*ret = (struct replay_order){.until_wall_ms = now_wall_ms};
	if (since.len == 0)
		return fail(why, E_MALFORMED, "say since when: 2h, or 2026-11-21T09:00:00Z");
	if (!read_time(since, now_wall_ms, &ret->since_wall_ms) ||
	    (until.len > 0 && !read_time(until, now_wall_ms, &ret->until_wall_ms)))
		return fail(why, E_MALFORMED, "since and until are as 2h or 2026-11-21T09:00:00Z");
	if (!read_kinds(kinds, &ret->kinds))
		return fail(why, E_MALFORMED, "kinds are kinds of events, with commas");
	return OK;
}
