/* subscribing --> taking -- lease --> gathering -- full, or its time is over --> writing -- written --> acked
 *                                        ^                                           '- not: again after RETRY_MS */
#include "bouncer/telling/accounting.h"

#include <stdio.h>

#include "bouncer/telling/accounting_file.h"
#include "bouncer/telling/accounting_row.h"
#include "lib/base/memory.h"
#include "lib/loop/offload.h"
#include "lib/obs/log.h"

#define SUBSCRIBE_RETRY_MS 1000
#define RETRY_MS	   5000
#define LOOK_MS		   60000 /* at the clock, which may be set */
#define PREFETCH	   1000
#define LINES_MAX	   ((size_t)8 << 20) /* of what is gathered */
#define WRITE_BYTES	   ((size_t)256 << 10)
#define HEADER_MAX	   ((size_t)64 << 10)

struct gathered { /* lines, and the leases of their events */
	struct buf lines;
	struct lease *leases[PREFETCH];
	size_t count;
};

struct accounting {
	struct loop *loop;
	struct broker *broker;
	const struct routing *routing;
	const struct accounting_settings *settings;
	char queue[QUEUE_NAME_MAX];
	struct buf header;
	struct accounting_file *file; /* of the thread while it writes */
	struct offload *offload;
	struct consumer *consumer;
	struct timer *subscribe, *flush, *retry, *look;
	struct gathered gathering, writing;
	struct work work;
	bool is_writing, is_stopped;
	bool wants_look, wants_reopen; /* once nothing is being written */
	bool reopens;		       /* of the thread, as the file */
	int64_t period;		       /* `every`, counted since 1970; of the last look */
	enum err err;		       /* of the last write */
	struct why why;
	int64_t now_wall_ms; /* when it was asked for */
	size_t subscribed;
};

static void heed_room(struct accounting *accounting)
{
	bool has_room = accounting->gathering.lines.len < LINES_MAX / 4 &&
			accounting->gathering.count < PREFETCH / 2 &&
			!timer_is_running(accounting->retry);
	if (accounting->consumer)
		consumer_pause(accounting->consumer, !has_room);
}

/* ---- writing ---- */

static void run_write(void *owner)
{
	struct accounting *accounting = owner;
	if (accounting->reopens)
		accounting_file_close(accounting->file);
	accounting->err =
		accounting_file_append(accounting->file, buf_bytes(&accounting->writing.lines),
				       accounting->now_wall_ms, &accounting->why);
}

static void ask_write(struct accounting *accounting)
{
	accounting->is_writing = true;
	accounting->reopens = accounting->wants_reopen;
	accounting->wants_look = accounting->wants_reopen = false;
	accounting->now_wall_ms = loop_wall_ms(accounting->loop);
	offload_ask(accounting->offload, &accounting->work);
}

static void write_gathered(struct accounting *accounting)
{
	timer_stop(accounting->flush);
	if (accounting->is_writing || timer_is_running(accounting->retry) ||
	    accounting->gathering.count == 0)
		return;
	struct gathered empty = accounting->writing;
	accounting->writing = accounting->gathering;
	accounting->gathering = empty;
	ask_write(accounting);
}

/* The file is seen to without a line: what is gathered goes with it. */
static void look(struct accounting *accounting)
{
	if (accounting->is_writing || timer_is_running(accounting->retry))
		accounting->wants_look = true;
	else if (accounting->gathering.count > 0)
		write_gathered(accounting);
	else
		ask_write(accounting);
}

static void settle(struct gathered *gathered, bool is_written)
{
	for (size_t i = 0; i < gathered->count; i++)
		if (is_written)
			lease_ack(&gathered->leases[i]);
		else
			lease_release(&gathered->leases[i]);
	gathered->count = 0;
	buf_clear(&gathered->lines);
}

static void on_written(void *owner)
{
	struct accounting *accounting = owner;
	accounting->is_writing = false;
	if (accounting->err)
		log_event(EV_accounting_failed, F_TEXT("file", accounting->settings->path),
			  F_TEXT("error", accounting->why.text));
	if (accounting->err && !accounting->is_stopped) {
		timer_start(accounting->retry, RETRY_MS);
		heed_room(accounting);
		return;
	}
	settle(&accounting->writing, accounting->err == OK);
	if (accounting->is_stopped)
		return;
	heed_room(accounting);
	if (accounting->gathering.count > 0 && !timer_is_running(accounting->flush))
		timer_start(accounting->flush, accounting->settings->flush);
	if (accounting->gathering.lines.len >= WRITE_BYTES ||
	    accounting->gathering.count >= PREFETCH / 2)
		write_gathered(accounting);
	if (accounting->wants_look)
		look(accounting);
}

static void on_retry(void *owner)
{
	struct accounting *accounting = owner;
	ask_write(accounting);
	heed_room(accounting);
}

static void on_flush(void *owner)
{
	write_gathered(owner);
}

/* ---- its age ---- */

static void on_look(void *owner)
{
	struct accounting *accounting = owner;
	int64_t every = accounting->settings->every;
	int64_t now = loop_wall_ms(accounting->loop), left = every - now % every;
	if (now / every != accounting->period)
		look(accounting);
	accounting->period = now / every;
	timer_start(accounting->look, left < LOOK_MS ? left : LOOK_MS);
}

void accounting_reopen(struct accounting *accounting)
{
	accounting->wants_reopen = true;
	if (!accounting->is_stopped)
		look(accounting);
}

/* ---- gathering ---- */

static enum err write_lines(struct accounting *accounting, const struct bouncer_event_batch *batch)
{
	struct buf *lines = &accounting->gathering.lines;
	size_t before = lines->len;
	enum err err = OK;
	for (size_t i = 0; i < batch->count && !err; i++)
		if (accounting_wants(accounting->settings, &batch->events[i]))
			err = accounting_row(accounting->settings, accounting->routing,
					     &batch->events[i], lines);
	if (err)
		lines->len = before;
	return err;
}

static void gather(struct accounting *accounting, struct lease *lease)
{
	struct gathered *gathering = &accounting->gathering;
	gathering->leases[gathering->count++] = lease;
	if (gathering->lines.len >= WRITE_BYTES || gathering->count >= PREFETCH / 2)
		write_gathered(accounting);
	else if (!timer_is_running(accounting->flush))
		timer_start(accounting->flush, accounting->settings->flush);
	heed_room(accounting);
}

static void on_lease(void *owner, struct lease *lease)
{
	struct accounting *accounting = owner;
	struct arena *arena = arena_new();
	struct bouncer_event_batch batch;
	struct why why;
	if (bouncer_event_batch_decode(arena, lease_body(lease), &batch, &why))
		lease_bury(&lease, why.text);
	else if (accounting->gathering.count == PREFETCH)
		lease_release(&lease);
	else if (write_lines(accounting, &batch))
		lease_retry(&lease, RETRY_MS); /* no room for now */
	else
		gather(accounting, lease);
	arena_free(&arena);
}

/* ---- subscribing ---- */

static const char *const patterns[] = {
	"event.delivered.#",  "event.deferred.#",  "event.bounced.#",	"event.expired.#",
	"event.suppressed.#", "event.cancelled.#", "event.complained.#"};
#define PATTERN_COUNT (sizeof patterns / sizeof patterns[0])

/* Deferrals are many, and few files want them. */
static bool is_wanted(const struct accounting *accounting, size_t pattern)
{
	const struct bouncer_event event = {.kind = (enum bouncer_event_kind)(pattern + 1)};
	struct accounting_settings settings = *accounting->settings;
	const struct bouncer_event returned = {.kind = event.kind, .report = BYTES("dsn")};
	settings.tenant = "";
	return accounting_wants(&settings, &event) || accounting_wants(&settings, &returned);
}

static void on_subscribed(void *owner, enum err err)
{
	struct accounting *accounting = owner;
	if (accounting->is_stopped)
		return;
	if (!err)
		accounting->subscribed++;
	timer_start(accounting->subscribe, err ? SUBSCRIBE_RETRY_MS : 0);
}

static void on_subscribe(void *owner)
{
	struct accounting *accounting = owner;
	while (accounting->subscribed < PATTERN_COUNT &&
	       !is_wanted(accounting, accounting->subscribed))
		accounting->subscribed++;
	if (accounting->subscribed < PATTERN_COUNT) {
		broker_subscribe(accounting->broker, accounting->queue,
				 patterns[accounting->subscribed], on_subscribed, accounting);
		return;
	}
	const struct consumer_options consumer = {
		.queue = accounting->queue, .prefetch = PREFETCH / 2, .prefetch_bytes = LINES_MAX};
	accounting->consumer = consumer_new(accounting->broker, &consumer, on_lease, accounting);
}

/* ---- public ---- */

struct accounting *accounting_new(struct loop *loop, struct broker *broker,
				  const struct routing *routing,
				  const struct accounting_settings *settings)
{
	struct accounting *accounting = memory_new(sizeof *accounting);
	accounting->loop = loop;
	accounting->broker = broker;
	accounting->routing = routing;
	accounting->settings = settings;
	(void)snprintf(accounting->queue, sizeof accounting->queue, ACCOUNTING_QUEUE_PREFIX "%s",
		       settings->name);
	buf_init(&accounting->header, HEADER_MAX);
	accounting_header(settings, &accounting->header);
	const struct accounting_file_options file = {
		.path = settings->path,
		.header = buf_bytes(&accounting->header),
		.size_max = settings->max_size,
		.every_ms = settings->every,
		.keep_ms = settings->keep,
		.must_sync = settings->sync,
	};
	accounting->file = accounting_file_new(&file);
	accounting->offload = offload_new(loop, 1);
	accounting->work = (struct work){.run = run_write, .done = on_written, .owner = accounting};
	buf_init(&accounting->gathering.lines, LINES_MAX);
	buf_init(&accounting->writing.lines, LINES_MAX);
	accounting->subscribe = timer_new(loop, on_subscribe, accounting);
	accounting->flush = timer_new(loop, on_flush, accounting);
	accounting->retry = timer_new(loop, on_retry, accounting);
	accounting->look = timer_new(loop, on_look, accounting);
	timer_start(accounting->subscribe, 0);
	if (settings->every > 0)
		timer_start(accounting->look, 0);
	return accounting;
}

void accounting_stop(struct accounting *accounting)
{
	consumer_free(&accounting->consumer);
	timer_stop(accounting->subscribe);
	timer_stop(accounting->look);
	write_gathered(accounting);
	accounting->is_stopped = true;
	offload_free(&accounting->offload);
	timer_stop(accounting->retry);
	settle(&accounting->writing, false);
	settle(&accounting->gathering, false);
}

void accounting_free(struct accounting **accounting)
{
	struct accounting *freeing = *accounting;
	*accounting = NULL;
	if (!freeing)
		return;
	offload_free(&freeing->offload);
	accounting_file_free(&freeing->file);
	timer_free(&freeing->subscribe);
	timer_free(&freeing->flush);
	timer_free(&freeing->retry);
	timer_free(&freeing->look);
	buf_done(&freeing->gathering.lines);
	buf_done(&freeing->writing.lines);
	buf_done(&freeing->header);
	free(freeing);
}
