/* lease -> hold -> its events in the open request -- full, or its time is over --> ready
 *   each request done: its part of the hold ends; the last part settles the lease */
#include <stdio.h>

#include "bouncer/telling/webhook_inner.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

/* ---- settling ---- */

static void settle(struct webhook *webhook, struct hold *hold)
{
	char reason[128];
	int64_t age_ms = webhook_wall_ms(webhook) - hold->oldest_wall_ms;
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

void webhook_end_request(struct webhook_request *request, enum hold_end end)
{
	struct webhook *webhook = request->webhook;
	for (size_t i = 0; i < request->hold_count; i++)
		end_part(webhook, request->holds[i], end);
	webhook_request_free(request);
	webhook_heed_room(webhook);
}

void webhook_give_back_ready(struct webhook *webhook, enum hold_end end)
{
	struct webhook_request *request;
	while ((request = TAILQ_FIRST(&webhook->ready))) {
		TAILQ_REMOVE(&webhook->ready, request, next);
		webhook_end_request(request, end);
	}
}

/* ---- making requests ---- */

void webhook_close_open(struct webhook *webhook)
{
	struct webhook_request *request = webhook->open;
	webhook->open = NULL;
	timer_stop(webhook->fill);
	if (!request)
		return;
	webhook_request_close(request);
	TAILQ_INSERT_TAIL(&webhook->ready, request, next);
	webhook_post_ready(webhook);
}

void webhook_fill_over(void *owner)
{
	webhook_close_open(owner);
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
			webhook_close_open(webhook);
		if (!webhook->open)
			open_request(webhook);
		if (!webhook_request_add(webhook->open, hold,
					 event)) /* too large for any request */
			hold->end = HOLD_BURY;
	}
	if (webhook->open->count >= (size_t)webhook->options.settings->batch.max)
		webhook_close_open(webhook);
	if (webhook->open && webhook->open->count == 0) {
		webhook_request_free(webhook->open);
		webhook->open = NULL;
		timer_stop(webhook->fill);
	}
}

static int64_t oldest_wall_ms(const struct bouncer_event_batch *batch, int64_t now_wall_ms)
{
	int64_t oldest = now_wall_ms;
	for (size_t i = 0; i < batch->count; i++)
		if (batch->events[i].at_wall_ms > 0 && batch->events[i].at_wall_ms < oldest)
			oldest = batch->events[i].at_wall_ms;
	return oldest;
}

/* Of a webhook that is paused or disabled: too old, or the rest is younger. */
static void drop_or_release(struct webhook *webhook, struct lease *lease,
			    const struct bouncer_event_batch *batch)
{
	const struct webhook_settings *settings = webhook->options.settings;
	int64_t now = webhook_wall_ms(webhook);
	if (now - oldest_wall_ms(batch, now) < settings->give_up) {
		webhook_air_again(webhook);
		lease_release(&lease);
		return;
	}
	webhook->state.buried += batch->count;
	log_event(EV_webhook_dropped, F_TEXT("webhook", settings->name),
		  F_INT("count", batch->count),
		  F_TEXT("state", webhook_mode_name(webhook->state.mode)));
	lease_ack(&lease);
	webhook_tell_change(webhook, false);
}

void webhook_take_lease(void *owner, struct lease *lease)
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
	if (webhook->state.mode != WEBHOOK_ON) {
		drop_or_release(webhook, lease, &batch);
		arena_free(&arena);
		return;
	}
	struct hold *hold = memory_new(sizeof *hold);
	*hold = (struct hold){.lease = lease,
			      .bytes = lease_body(lease).len,
			      .parts = 1,
			      .oldest_wall_ms = webhook_wall_ms(webhook)};
	webhook->held_count++;
	webhook->held_bytes += hold->bytes;
	for (size_t i = 0; i < batch.count; i++)
		if (webhook_wants(webhook->options.settings, &batch.events[i]))
			add(webhook, hold, &batch.events[i]);
	end_part(webhook, hold, HOLD_DONE);
	if (webhook->held_count >=
	    webhook_prefetch(webhook) / 2) /* no more may come until some are settled */
		webhook_close_open(webhook);
	webhook_heed_room(webhook);
	arena_free(&arena);
}
