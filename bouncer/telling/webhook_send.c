/* ready -- place --> posted -- taken --> settled
 *   ^                   '- away: nothing is sent for a while
 *   '- soon again -------------'   held for too long: back to the queue
 *
 * After a failure one request at a time finds out whether the endpoint is back. What one request holds for longer than HOLD_MS goes back
 * to the queue, because leases do not last for ever. */
#include <stdio.h>

#include "bouncer/telling/webhook_inner.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

#define HOLD_MS INT64_C(240000)

/* ---- posting ---- */

static void note_failure(struct webhook *webhook, const struct webhook_outcome *outcome)
{
	webhook->state.failures++;
	webhook->state.failures_in_row++;
	webhook->state.fail_at_wall_ms = webhook_wall_ms(webhook);
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
	webhook->state.ok_at_wall_ms = webhook_wall_ms(webhook);
	webhook_end_request(request, HOLD_DONE);
}

/* Too old: never again. */
static bool is_given_up(struct webhook_request *request)
{
	struct webhook *webhook = request->webhook;
	const struct webhook_settings *settings = webhook->options.settings;
	if (webhook_wall_ms(webhook) - webhook_request_oldest_wall_ms(request) < settings->give_up)
		return false;
	webhook->state.buried += request->count;
	log_event(EV_webhook_gave_up, F_TEXT("webhook", settings->name),
		  F_INT("count", request->count), F_TEXT("error", webhook->state.why));
	webhook_end_request(request, HOLD_BURY);
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
		webhook_end_request(request, HOLD_AGAIN);
		webhook_give_back_ready(webhook, HOLD_AGAIN);
	} else {
		TAILQ_INSERT_HEAD(&webhook->ready, request, next);
	}
	webhook_heed_room(webhook);
}

static void disable(struct webhook_request *request)
{
	struct webhook *webhook = request->webhook;
	webhook_end_request(request, HOLD_BACK);
	if (webhook->state.mode != WEBHOOK_ON)
		return;
	webhook_set_mode(webhook, WEBHOOK_DISABLED, webhook_wall_ms(webhook));
	webhook_tell_change(webhook, true);
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
			webhook_end_request(request, HOLD_AGAIN);
		break;
	}
	webhook_tell_change(webhook, false);
	webhook_post_ready(webhook);
}

static bool has_place(const struct webhook *webhook)
{
	size_t places = webhook->failures > 0 ? 1 : (size_t)webhook->options.settings->requests;
	return !webhook->is_stopped && webhook->state.mode == WEBHOOK_ON &&
	       !timer_is_running(webhook->backoff) && webhook->posted_count < places;
}

void webhook_post_ready(struct webhook *webhook)
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

void webhook_backoff_over(void *owner)
{
	struct webhook *webhook = owner;
	webhook_heed_room(webhook);
	webhook_post_ready(webhook);
}
