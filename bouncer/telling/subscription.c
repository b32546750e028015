/* asking for a kind -- kept --> the next one ... --> done
 *      '-- not: a second later --^
 * The broker may owe an answer when the subscription ends: then it lives until that has come. */
#include "bouncer/telling/subscription.h"

#include <stdio.h>

#include "lib/base/memory.h"
#include "schemas/schemas.h"

#define RETRY_MS 1000

struct subscription {
	struct broker *broker;
	char queue[QUEUE_NAME_MAX];
	unsigned kinds; /* that are still to be asked for */
	struct timer *next;
	bool is_asking, has_ended;
	void (*done)(void *owner);
	void *owner;
};

static int first_of(unsigned kinds)
{
	int kind = EVENT_DELIVERED;
	while (kind <= BOUNCER_EVENT_LAST && !(kinds & (1u << kind)))
		kind++;
	return kind;
}

static void on_subscribed(void *owner, enum err err)
{
	struct subscription *subscription = owner;
	subscription->is_asking = false;
	if (subscription->has_ended) {
		free(subscription);
		return;
	}
	if (!err)
		subscription->kinds &= ~(1u << first_of(subscription->kinds));
	timer_start(subscription->next, err ? RETRY_MS : 0);
}

static void on_next(void *owner)
{
	struct subscription *subscription = owner;
	int kind = first_of(subscription->kinds);
	char pattern[64];
	if (kind > BOUNCER_EVENT_LAST) {
		subscription->done(subscription->owner);
		return;
	}
	(void)snprintf(pattern, sizeof pattern, "event.%s.#",
		       bouncer_event_name((enum bouncer_event_kind)kind));
	subscription->is_asking = true;
	broker_subscribe(subscription->broker, subscription->queue, pattern, on_subscribed,
			 subscription);
}

struct subscription *subscription_start(struct loop *loop, struct broker *broker, const char *queue,
					unsigned kinds, void (*done)(void *owner), void *owner)
{
	struct subscription *subscription = memory_new(sizeof *subscription);
	*subscription = (struct subscription){
		.broker = broker, .kinds = kinds, .done = done, .owner = owner};
	(void)snprintf(subscription->queue, sizeof subscription->queue, "%s", queue);
	subscription->next = timer_new(loop, on_next, subscription);
	timer_start(subscription->next, 0);
	return subscription;
}

void subscription_end(struct subscription **subscription)
{
	struct subscription *ending = *subscription;
	*subscription = NULL;
	if (!ending)
		return;
	timer_free(&ending->next);
	ending->has_ended = true;
	if (!ending->is_asking)
		free(ending);
}
