/* reading (a thread) --> picking: events that fit fill a request -- full, or all is read --> posting -- taken, or refused --> picking
 *     ^  '- nothing more --> the last request --> ended                                       |  '- away: waits, the same again
 *     '------------- all of the chunk was picked --------------------------                   '- 410, or away for too long --> ended */
#include "bouncer/telling/replay.h"

#include <inttypes.h>
#include <stdio.h>

#include "bouncer/telling/webhook_post.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/loop/offload.h"
#include "lib/obs/log.h"

#define CHUNK_MAX   ((size_t)4 << 20)
#define BODY_MAX    ((size_t)1 << 20)
#define EVENT_MAX   ((size_t)4 << 20)
#define AWAY_MS_MAX INT64_C(3600000)

struct replay {
	struct replay_options options;
	struct replay_state state;
	struct arena *arena; /* of the settings */
	const struct webhook_settings *settings;
	struct webhook_line line;
	struct webhook_post *post;
	struct timer *go; /* on, or the end of a wait */
	struct offload *offload;
	struct work work;
	/* reading */
	struct archive_place place;
	struct buf chunk;
	struct bytes rest; /* of the chunk */
	struct arena *batch_arena;
	struct bouncer_event_batch batch;
	size_t next; /* event of the batch */
	enum err read_err;
	struct why why;
	bool is_reading, is_all_read;
	/* posting */
	struct buf body;
	size_t count; /* events in it */
	char id[WEBHOOK_ID_SIZE];
	bool is_closed; /* the body is whole */
	unsigned failures;
	int64_t away_since_ms; /* 0: it answers */
	bool is_ending;
};

/* ---- the end ---- */

static void end_now(struct replay *replay)
{
	struct replay_state *state = &replay->state;
	state->ended_wall_ms = loop_wall_ms(replay->options.loop);
	if (!state->order.is_dry)
		log_event(EV_webhook_replay, F_TEXT("webhook", replay->settings->name),
			  F_BOOL("ended", true), F_INT("count", state->events),
			  F_INT("refused", state->refused), F_TEXT("why", state->why));
	replay->options.ended(replay->options.owner, state);
}

void replay_end(struct replay *replay, const char *why)
{
	if (replay->is_ending)
		return;
	replay->is_ending = true;
	(void)snprintf(replay->state.why, sizeof replay->state.why, "%.199s", why);
	timer_start(replay->go, 0);
}

/* ---- reading ---- */

static void run_read(void *owner)
{
	struct replay *replay = owner;
	replay->read_err =
		archive_read(replay->options.directory, replay->state.order.since_wall_ms,
			     &replay->place, &replay->chunk, &replay->why);
}

static void on_read(void *owner)
{
	struct replay *replay = owner;
	replay->is_reading = false;
	replay->rest = buf_bytes(&replay->chunk);
	replay->is_all_read = replay->read_err != OK;
	if (replay->read_err && replay->read_err != E_NOT_FOUND)
		replay_end(replay, replay->why.text);
	timer_start(replay->go, 0);
}

static void read_on(struct replay *replay)
{
	replay->is_reading = true;
	offload_ask(replay->offload, &replay->work);
}

/* ---- picking ---- */

static bool fits(const struct replay *replay, const struct bouncer_event *event)
{
	const struct replay_order *order = &replay->state.order;
	struct webhook_settings settings = *replay->settings;
	char name[40];
	const char *names[] = {name};
	if (event->at_wall_ms < order->since_wall_ms || event->at_wall_ms >= order->until_wall_ms)
		return false;
	if (order->kinds == 0)
		return webhook_wants(&settings, event);
	(void)snprintf(name, sizeof name, "%s", bouncer_event_name(event->kind));
	settings.events = (struct conf_text_list){names, 1};
	return (order->kinds & (1u << event->kind)) && webhook_wants(&settings, event);
}

/* False: the request is full without it. */
static bool add(struct replay *replay, const struct bouncer_event *event)
{
	struct buf text;
	if (replay->state.order.is_dry) {
		replay->state.events++;
		return true;
	}
	if (replay->count >= (size_t)replay->settings->batch.max)
		return false;
	buf_init(&text, EVENT_MAX);
	enum err err = bouncer_event_to_json(event, &text);
	bool has_room = replay->count == 0 || replay->body.len + text.len < BODY_MAX;
	if (!err && has_room)
		err = buf_append_text(&replay->body, replay->count > 0 ? "," : "[");
	if (!err && has_room)
		err = buf_append(&replay->body, buf_bytes(&text));
	buf_done(&text);
	if (err) /* too long to be told, as it was then */
		replay->state.refused++;
	else if (has_room)
		replay->count++;
	return has_room;
}

static bool next_batch(struct replay *replay)
{
	struct bytes body;
	replay->next = 0;
	replay->batch.count = 0;
	if (!archive_next(&replay->rest, &body))
		return false;
	arena_reset(replay->batch_arena);
	if (bouncer_event_batch_decode(replay->batch_arena, body, &replay->batch, NULL) != OK)
		replay->batch.count = 0;
	return true;
}

/* Until a request is full. False: the chunk is used up. */
static bool pick(struct replay *replay)
{
	do {
		for (; replay->next < replay->batch.count; replay->next++) {
			const struct bouncer_event *event = &replay->batch.events[replay->next];
			if (fits(replay, event) && !add(replay, event))
				return true;
		}
	} while (next_batch(replay));
	return false;
}

/* ---- posting ---- */

static void on_posted(void *owner, const struct webhook_outcome *outcome);

static void post(struct replay *replay)
{
	if (!replay->is_closed) {
		if (buf_append_text(&replay->body, "]"))
			abort(); /* there is always room for it */
		webhook_id(buf_bytes(&replay->body), replay->id);
		replay->is_closed = true;
	}
	replay->post = webhook_post_start(&replay->line, replay->id, buf_bytes(&replay->body),
					  on_posted, replay);
}

static void begin_request(struct replay *replay)
{
	buf_clear(&replay->body);
	replay->count = 0;
	replay->is_closed = false;
	replay->failures = 0;
	replay->away_since_ms = 0;
}

static void wait_for_endpoint(struct replay *replay, const struct webhook_outcome *outcome)
{
	int64_t now = loop_now_ms(replay->options.loop);
	if (replay->away_since_ms == 0)
		replay->away_since_ms = now;
	if (now - replay->away_since_ms > AWAY_MS_MAX)
		replay_end(replay, outcome->why);
	else
		timer_start(replay->go, webhook_backoff_ms(++replay->failures,
							   outcome->retry_after_s, random_unit()));
}

static void on_posted(void *owner, const struct webhook_outcome *outcome)
{
	struct replay *replay = owner;
	replay->post = NULL;
	switch (webhook_judge(outcome->err, outcome->status)) {
	case WEBHOOK_TAKEN:
		replay->state.requests++;
		replay->state.events += replay->count;
		begin_request(replay);
		timer_start(replay->go, 0);
		break;
	case WEBHOOK_REFUSED:
		replay->state.refused += replay->count;
		begin_request(replay);
		timer_start(replay->go, 0);
		break;
	case WEBHOOK_GONE:
		replay_end(replay, outcome->why);
		break;
	case WEBHOOK_AWAY:
		wait_for_endpoint(replay, outcome);
		break;
	}
}

/* ---- on ---- */

static void on_go(void *owner)
{
	struct replay *replay = owner;
	if (replay->post || replay->is_reading)
		return; /* its end goes on */
	if (replay->is_ending)
		end_now(replay);
	else if (replay->is_closed)
		post(replay);
	else if (pick(replay))
		post(replay);
	else if (!replay->is_all_read)
		read_on(replay);
	else if (replay->count > 0)
		post(replay);
	else
		end_now(replay);
}

struct replay *replay_start(const struct replay_options *options)
{
	struct replay *replay = memory_new(sizeof *replay);
	replay->options = *options;
	replay->state = (struct replay_state){.order = options->order,
					      .begun_wall_ms = loop_wall_ms(options->loop)};
	replay->arena = arena_new();
	replay->batch_arena = arena_new();
	replay->settings =
		options->row ? webhook_row_settings(replay->arena, options->row, options->place)
			     : options->settings;
	webhook_line_open(&replay->line, options->loop, options->resolver, replay->settings);
	replay->offload = offload_new(options->loop, 1);
	replay->work = (struct work){.run = run_read, .done = on_read, .owner = replay};
	buf_init(&replay->chunk, CHUNK_MAX);
	buf_init(&replay->body, EVENT_MAX + 16);
	replay->go = timer_new(options->loop, on_go, replay);
	timer_start(replay->go, 0);
	if (!options->order.is_dry)
		log_event(EV_webhook_replay, F_TEXT("webhook", replay->settings->name),
			  F_BOOL("ended", false), F_INT("count", 0), F_INT("refused", 0),
			  F_TEXT("why", ""));
	return replay;
}

const char *replay_name(const struct replay *replay)
{
	return replay->settings->name;
}

const struct replay_state *replay_state(const struct replay *replay)
{
	return &replay->state;
}

void replay_free(struct replay **replay)
{
	struct replay *freeing = *replay;
	*replay = NULL;
	if (!freeing)
		return;
	webhook_post_cancel(&freeing->post);
	offload_free(&freeing->offload);
	timer_free(&freeing->go);
	webhook_line_close(&freeing->line);
	buf_done(&freeing->chunk);
	buf_done(&freeing->body);
	arena_free(&freeing->batch_arena);
	arena_free(&freeing->arena);
	free(freeing);
}
