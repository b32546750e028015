/* subscribing -- kept --> taking -- lease --> (webhook_fill.c) --> ready --> (webhook_send.c) --> settled
 *
 * While it is paused or disabled its events wait in its queue; from time to time those at the head that are older than give_up are dropped,
 * so that the queue of a webhook that is forgotten does not grow for ever. */
#include "bouncer/telling/webhook.h"

#include <stdio.h>
#include <string.h>

#include "bouncer/telling/webhook_inner.h"
#include "lib/base/memory.h"

#define AIRING_MS    INT64_C(300000)
#define PREFETCH_MIN 64
#define PREFETCH_MAX 1000

unsigned webhook_prefetch(const struct webhook *webhook)
{
	int64_t wanted = 2 * webhook->options.settings->batch.max;
	return wanted < PREFETCH_MIN   ? PREFETCH_MIN
	       : wanted > PREFETCH_MAX ? PREFETCH_MAX
				       : (unsigned)wanted;
}

void webhook_tell_change(struct webhook *webhook, bool is_mode)
{
	webhook->options.changed(webhook->options.owner, webhook->options.settings, &webhook->state,
				 is_mode);
}

void webhook_heed_room(struct webhook *webhook)
{
	bool is_on = webhook->state.mode == WEBHOOK_ON;
	if (webhook->consumer)
		consumer_pause(webhook->consumer,
			       is_on ? timer_is_running(webhook->backoff) ||
					       webhook->held_bytes > WEBHOOK_BYTES_MAX
				     : !webhook->is_airing);
}

static void on_airing(void *owner)
{
	struct webhook *webhook = owner;
	webhook->is_airing = webhook->state.mode != WEBHOOK_ON;
	webhook_heed_room(webhook);
}

static void on_subscribed(void *owner)
{
	struct webhook *webhook = owner;
	const struct consumer_options consumer = {.queue = webhook->queue,
						  .prefetch = webhook_prefetch(webhook),
						  .prefetch_bytes = WEBHOOK_BYTES_MAX * 2};
	webhook->is_subscribed = true;
	webhook->consumer =
		consumer_new(webhook->options.broker, &consumer, webhook_take_lease, webhook);
	webhook_heed_room(webhook);
	if (webhook->state.mode != WEBHOOK_ON)
		timer_start(webhook->airing, 0);
	webhook->options.subscribed(webhook->options.owner, webhook->options.settings);
}

static unsigned kinds_of(const struct webhook_settings *settings)
{
	unsigned kinds = 0;
	for (size_t i = 0; i < settings->events.count; i++)
		kinds |= 1u << bouncer_event_kind_of(settings->events.items[i]);
	return kinds;
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
	webhook->fill = timer_new(options->loop, webhook_fill_over, webhook);
	webhook->backoff = timer_new(options->loop, webhook_backoff_over, webhook);
	webhook->airing = timer_new(options->loop, on_airing, webhook);
	TAILQ_INIT(&webhook->ready);
	TAILQ_INIT(&webhook->posted);
	webhook->subscription =
		subscription_start(options->loop, options->broker, webhook->queue,
				   kinds_of(options->settings), on_subscribed, webhook);
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

bool webhook_is_subscribed(const struct webhook *webhook)
{
	return webhook->is_subscribed;
}

void webhook_set_mode(struct webhook *webhook, enum webhook_mode mode, int64_t since_wall_ms)
{
	webhook->state.mode = mode;
	webhook->state.mode_since_wall_ms = since_wall_ms;
	webhook->is_airing = false;
	if (mode == WEBHOOK_ON) { /* the operator knows that it is back */
		webhook->failures = 0;
		webhook->state.failures_in_row = 0;
		timer_stop(webhook->backoff);
		timer_stop(webhook->airing);
	} else {
		webhook_close_open(webhook);
		webhook_give_back_ready(webhook, HOLD_BACK);
		timer_start(webhook->airing, AIRING_MS);
	}
	webhook_heed_room(webhook);
	webhook_post_ready(webhook);
}

void webhook_air_again(struct webhook *webhook)
{
	webhook->is_airing = false;
	timer_start(webhook->airing, AIRING_MS);
	webhook_heed_room(webhook);
}

void webhook_stop(struct webhook *webhook)
{
	struct webhook_request *request;
	webhook->is_stopped = true;
	subscription_end(&webhook->subscription);
	consumer_free(&webhook->consumer);
	timer_stop(webhook->backoff);
	timer_stop(webhook->airing);
	webhook_close_open(webhook);
	webhook_give_back_ready(webhook, HOLD_BACK);
	while ((request = TAILQ_FIRST(&webhook->posted))) {
		TAILQ_REMOVE(&webhook->posted, request, next);
		webhook_end_request(request, HOLD_BACK);
	}
}

void webhook_free(struct webhook **webhook)
{
	struct webhook *freeing = *webhook;
	*webhook = NULL;
	if (!freeing)
		return;
	webhook_line_close(&freeing->line);
	timer_free(&freeing->fill);
	timer_free(&freeing->backoff);
	timer_free(&freeing->airing);
	free(freeing);
}
