/* See subscribe.h. One job of three steps; the channel is its own, so a refusal harms nobody else.
 *
 * Deleting takes two jobs: a look at the queue, then its end. RabbitMQ's own conditions (if-unused, if-empty) end the whole
 * connection when the queue is a quorum queue (3.10), so they are checked here, against what the look told. */
#include "broker/rabbitmq/subscribe.h"

#include "broker/engine.h"
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
	bool drops_messages; /* of one that is deleted */
	enum err look;	     /* what the look at it told */
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

static struct subscription *start(struct subscriber *subscriber, const char *queue, published done,
				  void *owner)
{
	struct subscription *subscription = memory_new(sizeof *subscription);
	subscription->subscriber = subscriber;
	subscription->done = done;
	subscription->owner = owner;
	topology_name("", queue, subscription->queue);
	topology_name(subscriber->topology->settings->prefix, queue, subscription->name);
	LIST_INSERT_HEAD(&subscriber->running, subscription, next);
	subscription->limit = timer_new(subscriber->loop, on_limit, subscription);
	timer_start(subscription->limit, LIMIT_MS);
	return subscription;
}

void subscriber_start(struct subscriber *subscriber, const char *queue, const char *pattern,
		      published done, void *owner)
{
	static const struct job_handler handler = {.send = send_step, .finished = on_finished};
	struct subscription *subscription = start(subscriber, queue, done, owner);
	const char *prefix = subscriber->topology->settings->prefix;
	topology_name("", pattern, subscription->pattern);
	topology_name(prefix,
		      engine_is_event_pattern(pattern) ? EXCHANGE_NAME_EVENTS
						       : EXCHANGE_NAME_RESULTS,
		      subscription->results);
	topology_name(prefix, EXCHANGE_NAME_DUE, subscription->due);
	topology_subscribe(subscription->results, subscription->due, subscription->queue,
			   subscription->name, subscription->pattern, subscription->steps);
	subscription->job =
		job_new(subscriber->connection, SUBSCRIBE_STEPS, &handler, subscription);
}

/* ---- deleting ---- */

static void send_delete(void *owner, struct channel *channel, size_t index)
{
	struct subscription *subscription = owner;
	(void)index;
	amqp_queue_delete_t delete = {.queue = wire_text(subscription->name)};
	channel_send(channel, AMQP_QUEUE_DELETE_METHOD, &delete);
}

static void on_deleted(void *owner, size_t count, uint16_t code, const char *text)
{
	struct subscription *subscription = owner;
	(void)text;
	subscription->job = NULL;
	finish(subscription, count == 1 ? OK : code == CHANNEL_LOST ? E_CLOSED : E_REFUSED);
}

static void send_look(void *owner, struct channel *channel, size_t index)
{
	struct subscription *subscription = owner;
	(void)index;
	amqp_queue_declare_t declare = {.queue = wire_text(subscription->name), .passive = true};
	channel_send(channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
}

static void on_look(void *owner, size_t index, const amqp_method_t *reply)
{
	struct subscription *subscription = owner;
	(void)index;
	if (reply->id != AMQP_QUEUE_DECLARE_OK_METHOD)
		return;
	const amqp_queue_declare_ok_t *ok = reply->decoded;
	if (ok->consumer_count > 0)
		subscription->look = E_BLOCKED;
	else if (ok->message_count > 0 && !subscription->drops_messages)
		subscription->look = E_FULL;
}

static void on_looked(void *owner, size_t count, uint16_t code, const char *text)
{
	static const struct job_handler handler = {.send = send_delete, .finished = on_deleted};
	struct subscription *subscription = owner;
	(void)text;
	subscription->job = NULL;
	if (count < 1)
		finish(subscription, code == CHANNEL_LOST ? E_CLOSED
				     : code == 404	  ? E_NOT_FOUND
							  : E_REFUSED);
	else if (subscription->look)
		finish(subscription, subscription->look);
	else
		subscription->job =
			job_new(subscription->subscriber->connection, 1, &handler, subscription);
}

void unsubscriber_start(struct subscriber *subscriber, const char *queue, bool drops_messages,
			published done, void *owner)
{
	static const struct job_handler handler = {
		.send = send_look, .replied = on_look, .finished = on_looked};
	struct subscription *subscription = start(subscriber, queue, done, owner);
	subscription->drops_messages = drops_messages;
	subscription->job = job_new(subscriber->connection, 1, &handler, subscription);
}

/* ---- queues of others ---- */

static void send_make(void *owner, struct channel *channel, size_t index)
{
	struct subscription *subscription = owner;
	(void)index;
	amqp_queue_declare_t declare = {.queue = wire_text(subscription->name), .durable = true};
	channel_send(channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
}

/* 406: somebody else made it meanwhile, in another way. */
static void on_made(void *owner, size_t count, uint16_t code, const char *text)
{
	struct subscription *subscription = owner;
	(void)text;
	subscription->job = NULL;
	finish(subscription, count == 1 || code == 406 ? OK
			     : code == CHANNEL_LOST    ? E_CLOSED
						       : E_REFUSED);
}

/* 405: somebody's own, which is there all the same. */
static void on_found(void *owner, size_t count, uint16_t code, const char *text)
{
	static const struct job_handler handler = {.send = send_make, .finished = on_made};
	struct subscription *subscription = owner;
	(void)text;
	subscription->job = NULL;
	if (count == 1 || code == 405)
		finish(subscription, OK);
	else if (code == 404)
		subscription->job =
			job_new(subscription->subscriber->connection, 1, &handler, subscription);
	else
		finish(subscription, code == CHANNEL_LOST ? E_CLOSED : E_REFUSED);
}

void need_start(struct subscriber *subscriber, const char *queue, published done, void *owner)
{
	static const struct job_handler handler = {.send = send_look, .finished = on_found};
	struct subscription *subscription = start(subscriber, queue, done, owner);
	topology_name("", queue, subscription->name);
	subscription->job = job_new(subscriber->connection, 1, &handler, subscription);
}

void subscriber_done(struct subscriber *subscriber)
{
	while (!LIST_EMPTY(&subscriber->running))
		finish(LIST_FIRST(&subscriber->running), E_CANCELLED);
}
