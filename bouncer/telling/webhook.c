/* subscribing -- kept --> taking -- lease --> open request -- full, or its time is over --> ready -- place --> posted
 *      '- not: a second later                                                                ^               |- taken ---> settled
 *                                                                                            |- soon again ---'- away: nothing is sent
 *                                                        queue <-- held for too long --------'                    for a while
 *
 * After a failure one request at a time finds out whether the endpoint is back. What one request holds for longer than HOLD_MS goes back
 * to the queue, because leases do not last for ever. */
#include "bouncer/telling/webhook.h"

#include <stdio.h>
#include <string.h>

#include "bouncer/telling/webhook_request.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

#define SUBSCRIBE_RETRY_MS 1000
#define HOLD_MS		   INT64_C(240000)
#define PREFETCH_MIN	   64
#define PREFETCH_MAX	   1000

struct webhook {
	struct webhook_options options;
	struct webhook_line line;
	struct webhook_state state;
	char queue[QUEUE_NAME_MAX];
	size_t subscribed; /* kinds */
	struct consumer *consumer;
	struct timer *subscribe, *fill, *backoff;
	struct webhook_request *open;
	struct webhook_requests ready, posted;
	size_t posted_count;
	unsigned failures; /* one after the other */
	size_t held_count, held_bytes;
	bool is_stopped;
};

static unsigned prefetch(const struct webhook *webhook)
{
	int64_t wanted = 2 * webhook->options.settings->batch.max;
	return wanted < PREFETCH_MIN   ? PREFETCH_MIN
	       : wanted > PREFETCH_MAX ? PREFETCH_MAX
				       : (unsigned)wanted;
}

static int64_t wall_ms(const struct webhook *webhook)
{
	return loop_wall_ms(webhook->options.loop);
}

static void tell_change(struct webhook *webhook, bool is_mode)
{
	webhook->options.changed(webhook->options.owner, webhook->options.settings, &webhook->state,
				 is_mode);
}

/* Leases are taken while they can be worked on. */
static void heed_room(struct webhook *webhook)
{
	if (webhook->consumer)
		consumer_pause(webhook->consumer, webhook->state.mode != WEBHOOK_ON ||
							  timer_is_running(webhook->backoff) ||
							  webhook->held_bytes > WEBHOOK_BYTES_MAX);
}

/* ---- settling ---- */

static void settle(struct webhook *webhook, struct hold *hold)
{
	char reason[128];
	int64_t age_ms = wall_ms(webhook) - hold->oldest_wall_ms;
	(void)snprintf(reason, sizeof reason, "webhook %s: given up",
		       webhook->options.settings->name);
	switch (hold->end) {
	case HOLD_DONE:
		lease_ack(&hold->lease);
		break;
	case HOLD_BACK:
		lease_release(&hold->lease);
		break;
	case HOLD_AGAIN:
		lease_retry(&hold->lease, webhook_retry_ms(age_ms, random_unit()));
		break;
	case HOLD_BURY:
		lease_bury(&hold->lease, reason);
		break;
	}
	webhook->held_count--;
	webhook->held_bytes -= hold->bytes;
	free(hold);
}

static void end_part(struct webhook *webhook, struct hold *hold, enum hold_end end)
{
	if (end > hold->end)
		hold->end = end;
	if (--hold->parts == 0)
		settle(webhook, hold);
}

static void end_request(struct webhook_request *request, enum hold_end end)
{
	struct webhook *webhook = request->webhook;
	for (size_t i = 0; i < request->hold_count; i++)
		end_part(webhook, request->holds[i], end);
	webhook_request_free(request);
	heed_room(webhook);
}

static void give_back_ready(struct webhook *webhook, enum hold_end end)
{
	struct webhook_request *request;
	while ((request = TAILQ_FIRST(&webhook->ready))) {
		TAILQ_REMOVE(&webhook->ready, request, next);
		end_request(request, end);
	}
}

/* ---- posting ---- */

static void post_ready(struct webhook *webhook);
static void close_open(struct webhook *webhook);

static void note_failure(struct webhook *webhook, const struct webhook_outcome *outcome)
{
	webhook->state.failures++;
	webhook->state.failures_in_row++;
	webhook->state.fail_at_wall_ms = wall_ms(webhook);
	(void)snprintf(webhook->state.why, sizeof webhook->state.why, "%s", outcome->why);
	log_event(EV_webhook_request_failed, F_TEXT("webhook", webhook->options.settings->name),
		  F_INT("status", outcome->status), F_TEXT("error", outcome->why),
		  F_INT("in_row", webhook->state.failures_in_row));
}

static void on_taken_by_endpoint(struct webhook_request *request)
{
	struct webhook *webhook = request->webhook;
	webhook->failures = 0;
	webhook->state.failures_in_row = 0;
	webhook->state.requests++;
	webhook->state.events += request->count;
	webhook->state.ok_at_wall_ms = wall_ms(webhook);
	end_request(request, HOLD_DONE);
}

/* Too old: never again. */
static bool is_given_up(struct webhook_request *request)
{
	struct webhook *webhook = request->webhook;
	const struct webhook_settings *settings = webhook->options.settings;
	if (wall_ms(webhook) - webhook_request_oldest_wall_ms(request) < settings->give_up)
		return false;
	webhook->state.buried += request->count;
	log_event(EV_webhook_gave_up, F_TEXT("webhook", settings->name),
		  F_INT("count", request->count), F_TEXT("error", webhook->state.why));
	end_request(request, HOLD_BURY);
	return true;
}

/* The same request is made again, as long as its leases last. */
static void wait_for_endpoint(struct webhook_request *request, int64_t retry_after_s)
{
	struct webhook *webhook = request->webhook;
	int64_t wait_ms = webhook_backoff_ms(++webhook->failures, retry_after_s, random_unit());
	int64_t held_ms = loop_now_ms(webhook->options.loop) - request->begun_at_ms;
	if (!timer_is_running(webhook->backoff))
		timer_start(webhook->backoff, wait_ms);
	if (is_given_up(request)) {
		/* others may be younger */
	} else if (held_ms + wait_ms > HOLD_MS) {
		end_request(request, HOLD_AGAIN);
		give_back_ready(webhook, HOLD_AGAIN);
	} else {
		TAILQ_INSERT_HEAD(&webhook->ready, request, next);
	}
	heed_room(webhook);
}

static void disable(struct webhook_request *request)
{
	struct webhook *webhook = request->webhook;
	end_request(request, HOLD_BACK);
	if (webhook->state.mode != WEBHOOK_ON)
		return;
	webhook_set_mode(webhook, WEBHOOK_DISABLED);
	tell_change(webhook, true);
}

static void on_posted(void *owner, const struct webhook_outcome *outcome)
{
	struct webhook_request *request = owner;
	struct webhook *webhook = request->webhook;
	enum webhook_verdict verdict = webhook_judge(outcome->err, outcome->status);
	request->post = NULL;
	TAILQ_REMOVE(&webhook->posted, request, next);
	webhook->posted_count--;
	if (verdict != WEBHOOK_TAKEN)
		note_failure(webhook, outcome);
	switch (verdict) {
	case WEBHOOK_TAKEN:
		on_taken_by_endpoint(request);
		break;
	case WEBHOOK_GONE:
		disable(request);
		break;
	case WEBHOOK_AWAY:
		wait_for_endpoint(request, outcome->retry_after_s);
		break;
	case WEBHOOK_REFUSED:
		if (!is_given_up(request))
			end_request(request, HOLD_AGAIN);
		break;
	}
	tell_change(webhook, false);
	post_ready(webhook);
}

static bool has_place(const struct webhook *webhook)
{
	size_t places = webhook->failures > 0 ? 1 : (size_t)webhook->options.settings->requests;
	return !webhook->is_stopped && webhook->state.mode == WEBHOOK_ON &&
	       !timer_is_running(webhook->backoff) && webhook->posted_count < places;
}

static void post_ready(struct webhook *webhook)
{
	struct webhook_request *request;
	while (has_place(webhook) && (request = TAILQ_FIRST(&webhook->ready))) {
		TAILQ_REMOVE(&webhook->ready, request, next);
		TAILQ_INSERT_TAIL(&webhook->posted, request, next);
		webhook->posted_count++;
		request->post = webhook_post_start(&webhook->line, request->id,
						   buf_bytes(&request->body), on_posted, request);
	}
}

static void on_backoff_over(void *owner)
{
	struct webhook *webhook = owner;
	heed_room(webhook);
	post_ready(webhook);
}

/* ---- making requests ---- */

static void close_open(struct webhook *webhook)
{
	struct webhook_request *request = webhook->open;
	webhook->open = NULL;
	timer_stop(webhook->fill);
	if (!request)
		return;
	webhook_request_close(request);
	TAILQ_INSERT_TAIL(&webhook->ready, request, next);
	post_ready(webhook);
}

static void on_fill_over(void *owner)
{
	close_open(owner);
}

static void open_request(struct webhook *webhook)
{
	webhook->open = webhook_request_new(webhook, loop_now_ms(webhook->options.loop));
	timer_start(webhook->fill, webhook->options.settings->batch.every);
}

static void add(struct webhook *webhook, struct hold *hold, const struct bouncer_event *event)
{
	if (event->at_wall_ms > 0 && event->at_wall_ms < hold->oldest_wall_ms)
		hold->oldest_wall_ms = event->at_wall_ms;
	if (!webhook->open)
		open_request(webhook);
	if (!webhook_request_add(webhook->open, hold, event)) {
		if (webhook->open->count > 0)
			close_open(webhook);
		if (!webhook->open)
			open_request(webhook);
		if (!webhook_request_add(webhook->open, hold,
					 event)) /* too large for any request */
			hold->end = HOLD_BURY;
	}
	if (webhook->open->count >= (size_t)webhook->options.settings->batch.max)
		close_open(webhook);
	if (webhook->open && webhook->open->count == 0) {
		webhook_request_free(webhook->open);
		webhook->open = NULL;
		timer_stop(webhook->fill);
	}
}

static void on_lease(void *owner, struct lease *lease)
{
	struct webhook *webhook = owner;
	struct arena *arena = arena_new();
	struct bouncer_event_batch batch;
	struct why why;
	if (bouncer_event_batch_decode(arena, lease_body(lease), &batch, &why)) {
		lease_bury(&lease, why.text);
		arena_free(&arena);
		return;
	}
	struct hold *hold = memory_new(sizeof *hold);
	*hold = (struct hold){.lease = lease,
			      .bytes = lease_body(lease).len,
			      .parts = 1,
			      .oldest_wall_ms = wall_ms(webhook)};
	webhook->held_count++;
	webhook->held_bytes += hold->bytes;
	for (size_t i = 0; i < batch.count; i++)
		if (webhook_wants(webhook->options.settings, &batch.events[i]))
			add(webhook, hold, &batch.events[i]);
	end_part(webhook, hold, HOLD_DONE);
	if (webhook->held_count >=
	    prefetch(webhook) / 2) /* no more may come until some are settled */
		close_open(webhook);
	heed_room(webhook);
	arena_free(&arena);
}

/* ---- subscribing ---- */

static void take(struct webhook *webhook)
{
	const struct consumer_options consumer = {.queue = webhook->queue,
						  .prefetch = prefetch(webhook),
						  .prefetch_bytes = WEBHOOK_BYTES_MAX * 2};
	webhook->consumer = consumer_new(webhook->options.broker, &consumer, on_lease, webhook);
	heed_room(webhook);
}

static void on_subscribed(void *owner, enum err err)
{
	struct webhook *webhook = owner;
	if (webhook->is_stopped)
		return;
	if (!err)
		webhook->subscribed++;
	if (err)
		timer_start(webhook->subscribe, SUBSCRIBE_RETRY_MS);
	else if (webhook->subscribed == webhook->options.settings->events.count)
		take(webhook);
	else
		timer_start(webhook->subscribe, 0);
}

static void on_subscribe(void *owner)
{
	struct webhook *webhook = owner;
	char pattern[64];
	(void)snprintf(pattern, sizeof pattern, "event.%s.#",
		       webhook->options.settings->events.items[webhook->subscribed]);
	broker_subscribe(webhook->options.broker, webhook->queue, pattern, on_subscribed, webhook);
}

/* ---- public ---- */

struct webhook *webhook_new(const struct webhook_options *options)
{
	struct webhook *webhook = memory_new(sizeof *webhook);
	webhook->options = *options;
	webhook->state = options->state;
	(void)snprintf(webhook->queue, sizeof webhook->queue, WEBHOOK_QUEUE_PREFIX "%s",
		       options->settings->name);
	webhook_line_open(&webhook->line, options->loop, options->resolver, options->settings);
	webhook->subscribe = timer_new(options->loop, on_subscribe, webhook);
	webhook->fill = timer_new(options->loop, on_fill_over, webhook);
	webhook->backoff = timer_new(options->loop, on_backoff_over, webhook);
	TAILQ_INIT(&webhook->ready);
	TAILQ_INIT(&webhook->posted);
	timer_start(webhook->subscribe, 0);
	return webhook;
}

const struct webhook_settings *webhook_settings(const struct webhook *webhook)
{
	return webhook->options.settings;
}

const struct webhook_state *webhook_state(const struct webhook *webhook)
{
	return &webhook->state;
}

void webhook_set_mode(struct webhook *webhook, enum webhook_mode mode)
{
	webhook->state.mode = mode;
	webhook->state.mode_since_wall_ms = wall_ms(webhook);
	if (mode == WEBHOOK_ON) { /* the operator knows that it is back */
		webhook->failures = 0;
		webhook->state.failures_in_row = 0;
		timer_stop(webhook->backoff);
	} else {
		close_open(webhook);
		give_back_ready(webhook, HOLD_BACK);
	}
	heed_room(webhook);
	post_ready(webhook);
}

void webhook_stop(struct webhook *webhook)
{
	struct webhook_request *request;
	webhook->is_stopped = true;
	consumer_free(&webhook->consumer);
	timer_stop(webhook->subscribe);
	timer_stop(webhook->backoff);
	close_open(webhook);
	give_back_ready(webhook, HOLD_BACK);
	while ((request = TAILQ_FIRST(&webhook->posted))) {
		TAILQ_REMOVE(&webhook->posted, request, next);
		end_request(request, HOLD_BACK);
	}
}

void webhook_free(struct webhook **webhook)
{
	struct webhook *freeing = *webhook;
	*webhook = NULL;
	if (!freeing)
		return;
	webhook_line_close(&freeing->line);
	timer_free(&freeing->subscribe);
	timer_free(&freeing->fill);
	timer_free(&freeing->backoff);
	free(freeing);
}
