/* See subscribe.h. One job of three steps; the channel is its own, so a refusal harms nobody else. */
#include "broker/rabbitmq/subscribe.h"

#include "broker/rabbitmq/job.h"
#include "lib/base/memory.h"

#define LIMIT_MS 10000

struct subscription {
	struct subscriber *subscriber;
	LIST_ENTRY(subscription) next;
	published done;
	void *owner;
	struct job *job;
	struct timer *limit;
	struct step steps[SUBSCRIBE_STEPS];
	char queue[WIRE_SHORT_MAX + 1], name[WIRE_SHORT_MAX + 1], pattern[WIRE_SHORT_MAX + 1];
	char results[WIRE_SHORT_MAX + 1], due[WIRE_SHORT_MAX + 1];
};

static void finish(struct subscription *subscription, enum err err)
{
	published done = subscription->done;
	void *owner = subscription->owner;
	job_cancel(&subscription->job);
	timer_free(&subscription->limit);
	LIST_REMOVE(subscription, next);
	free(subscription);
	done(owner, err);
}

static void on_limit(void *owner)
{
	struct subscription *subscription = owner;
	finish(subscription,
	       connection_is_open(subscription->subscriber->connection) ? E_TIMEOUT : E_AWAY);
}

static void send_step(void *owner, struct channel *channel, size_t index)
{
	struct subscription *subscription = owner;
	topology_send(subscription->subscriber->topology, channel, &subscription->steps[index]);
}

static void on_finished(void *owner, size_t count, uint16_t code, const char *text)
{
	struct subscription *subscription = owner;
	(void)text;
	subscription->job = NULL;
	if (count == SUBSCRIBE_STEPS)
		finish(subscription, OK);
	else
		finish(subscription, code == CHANNEL_LOST ? E_CLOSED : E_REFUSED);
}

void subscriber_start(struct subscriber *subscriber, const char *queue, const char *pattern,
		      published done, void *owner)
{
	static const struct job_handler handler = {.send = send_step, .finished = on_finished};
	struct subscription *subscription = memory_new(sizeof *subscription);
	const char *prefix = subscriber->topology->settings->prefix;
	subscription->subscriber = subscriber;
	subscription->done = done;
	subscription->owner = owner;
	topology_name("", queue, subscription->queue);
	topology_name(prefix, queue, subscription->name);
	topology_name("", pattern, subscription->pattern);
	topology_name(prefix, EXCHANGE_NAME_RESULTS, subscription->results);
	topology_name(prefix, EXCHANGE_NAME_DUE, subscription->due);
	topology_subscribe(subscription->results, subscription->due, subscription->queue,
			   subscription->name, subscription->pattern, subscription->steps);
	LIST_INSERT_HEAD(&subscriber->running, subscription, next);
	subscription->limit = timer_new(subscriber->loop, on_limit, subscription);
	timer_start(subscription->limit, LIMIT_MS);
	subscription->job =
		job_new(subscriber->connection, SUBSCRIBE_STEPS, &handler, subscription);
}

void subscriber_done(struct subscriber *subscriber)
{
	while (!LIST_EMPTY(&subscriber->running))
		finish(LIST_FIRST(&subscriber->running), E_CANCELLED);
}
