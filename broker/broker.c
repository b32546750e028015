/* Picks the engine by the scheme of broker.url and passes every call of broker.h on to it. A new
 * engine is one row here. */
#include "broker/broker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/embedded/embedded.h"
#include "broker/engine.h"
#include "broker/rabbitmq/rabbitmq.h"

static const struct {
	const char *scheme;
	const struct engine *engine;
} engines[] = {
	{"amqp:", &rabbitmq_engine},
	{"amqps:", &rabbitmq_engine},
	{"embedded:", &embedded_engine},
};

enum err broker_open(struct loop *loop, const struct broker_settings *settings,
		     const struct routing *routing, const char *role,
		     void (*state_changed)(void *owner, enum broker_state state), void *owner,
		     struct broker **ret, struct why *why)
{
	const struct engine_start start = {loop, settings, routing, role, state_changed, owner};
	struct bytes url = bytes_of(settings->url);
	for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
		if (bytes_starts_with_nocase(url, engines[i].scheme))
			return engines[i].engine->open(&start, ret, why);
	}
	if (url.len == 0) /* the settings fill it in */
		return fail(why, E_MALFORMED, "broker.url is empty");
	return fail(why, E_MALFORMED, "broker.url must start with amqp://, amqps:// or embedded:");
}

void broker_close(struct broker **broker)
{
	struct broker *old = *broker;
	*broker = NULL;
	if (old)
		old->engine->close(old);
}

enum broker_state broker_state(const struct broker *broker)
{
	return broker->engine->state(broker);
}

bool broker_is_refused(const struct broker *broker, struct why *ret_why)
{
	return broker->engine->is_refused(broker, ret_why);
}

/* ---- publishing ---- */

void broker_publish(struct broker *broker, const struct publication *publication, published done,
		    void *owner)
{
	broker->engine->publish(broker, publication, done, owner);
}

uint64_t broker_unconfirmed_bytes(const struct broker *broker)
{
	return broker->engine->unconfirmed_bytes(broker);
}

size_t broker_unconfirmed_count(const struct broker *broker)
{
	return broker->engine->unconfirmed_count(broker);
}

/* ---- leases ---- */

struct bytes lease_body(const struct lease *lease)
{
	return lease->body;
}

const char *lease_key(const struct lease *lease)
{
	return lease->key;
}

const char *lease_message_id(const struct lease *lease)
{
	return lease->message_id;
}

const char *lease_content_type(const struct lease *lease)
{
	return lease->content_type;
}

const char *lease_content_encoding(const struct lease *lease)
{
	return lease->content_encoding;
}

const char *lease_reason(const struct lease *lease)
{
	return lease->reason;
}

int64_t lease_not_before_wall_ms(const struct lease *lease)
{
	return lease->not_before_wall_ms;
}

enum exchange lease_exchange(const struct lease *lease)
{
	return lease->exchange;
}

bool lease_is_redelivered(const struct lease *lease)
{
	return lease->is_redelivered;
}

bool lease_is_lost(const struct lease *lease)
{
	return lease->engine->lease_is_lost(lease);
}

static void settle(struct lease **lease, enum settlement how, int64_t delay_ms, const char *reason)
{
	struct lease *old = *lease;
	assert(old);
	*lease = NULL;
	old->engine->lease_settle(old, how, delay_ms, reason);
}

void lease_ack(struct lease **lease)
{
	settle(lease, SETTLE_ACK, 0, NULL);
}

void lease_retry(struct lease **lease, int64_t delay_ms)
{
	settle(lease, SETTLE_RETRY, delay_ms, NULL);
}

void lease_release(struct lease **lease)
{
	settle(lease, SETTLE_RELEASE, 0, NULL);
}

void lease_bury(struct lease **lease, const char *reason)
{
	settle(lease, SETTLE_BURY, 0, reason);
}

void lease_refuse(struct lease **lease, const char *reason)
{
	settle(lease, SETTLE_REFUSE, 0, reason);
}

/* ---- consuming ---- */

struct consumer *consumer_new(struct broker *broker, const struct consumer_options *options,
			      void (*taken)(void *owner, struct lease *lease), void *owner)
{
	return broker->engine->consumer_new(broker, options, taken, owner);
}

void consumer_free(struct consumer **consumer)
{
	struct consumer *old = *consumer;
	*consumer = NULL;
	if (old)
		old->engine->consumer_free(old);
}

void consumer_pause(struct consumer *consumer, bool paused)
{
	consumer->engine->consumer_pause(consumer, paused);
}

bool queue_is_waiting(const char *queue)
{
	return strcmp(queue, QUEUE_WAITING) == 0 ||
	       strncmp(queue, ENGINE_DELAY_QUEUES, strlen(ENGINE_DELAY_QUEUES)) == 0;
}

void queue_delivery_name(const char *pool, const char *site, char out[QUEUE_NAME_MAX])
{
	(void)snprintf(out, QUEUE_NAME_MAX, ENGINE_DELIVERY_QUEUE, pool, site);
}

void queue_tail_name(const char *pool, unsigned shard, char out[QUEUE_NAME_MAX])
{
	(void)snprintf(out, QUEUE_NAME_MAX, ENGINE_TAIL_QUEUE, pool, shard);
}

/* ---- permits ---- */

struct permit *permit_ask(struct broker *broker, const char *name, unsigned limit,
			  const struct permit_handler *handler, void *owner)
{
	assert(name[0] && strlen(name) < PERMIT_NAME_MAX);
	return broker->engine->permit_ask(broker, name, limit, handler, owner);
}

void permit_limit(struct permit *permit, unsigned limit)
{
	permit->engine->permit_limit(permit, limit);
}

void permit_free(struct permit **permit)
{
	struct permit *old = *permit;
	*permit = NULL;
	if (old)
		old->engine->permit_free(old);
}

/* ---- control ---- */

void broker_listen(struct broker *broker, heard_upcall heard, void *owner)
{
	broker->engine->listen(broker, heard, owner);
}

bool broker_answer(struct broker *broker, const struct reply_address *address, struct bytes answer)
{
	return answer.len <= CONTROL_SIZE_MAX && broker->engine->answer(broker, address, answer);
}

void reply_address_free(struct reply_address **address)
{
	free(*address);
	*address = NULL;
}

struct asking *broker_ask(struct broker *broker, struct bytes question, answered_upcall answered,
			  void *owner)
{
	assert(question.len <= CONTROL_SIZE_MAX);
	return broker->engine->ask(broker, question, answered, owner);
}

void asking_free(struct asking **asking)
{
	struct asking *old = *asking;
	*asking = NULL;
	if (old)
		old->engine->asking_free(old);
}

/* ---- events, tables, operators ---- */

void broker_subscribe(struct broker *broker, const char *queue, const char *pattern, published done,
		      void *owner)
{
	broker->engine->subscribe(broker, queue, pattern, done, owner);
}

void broker_unsubscribe(struct broker *broker, const char *queue, bool drops_messages,
			published done, void *owner)
{
	broker->engine->unsubscribe(broker, queue, drops_messages, done, owner);
}

void broker_need_queue(struct broker *broker, const char *queue, published done, void *owner)
{
	broker->engine->need_queue(broker, queue, done, owner);
}

struct table_follower *table_follow(struct broker *broker, const char *table, uint64_t position,
				    const struct table_handler *handler, void *owner)
{
	return broker->engine->table_follow(broker, table, position, handler, owner);
}

void table_follower_free(struct table_follower **follower)
{
	struct table_follower *old = *follower;
	*follower = NULL;
	if (old)
		old->engine->table_follower_free(old);
}

void table_append(struct broker *broker, const char *table, const struct table_entry *entry,
		  published done, void *owner)
{
	broker->engine->table_append(broker, table, entry, done, owner);
}

bool table_forget(struct broker *broker, const char *table, struct bytes key, uint64_t version,
		  published done, void *owner)
{
	if (!broker->engine->table_forget)
		return false;
	broker->engine->table_forget(broker, table, key, version, done, owner);
	return true;
}

int64_t table_kept_ms(const struct broker *broker, const char *table)
{
	return broker->engine->table_kept_ms ? broker->engine->table_kept_ms(broker, table) : 0;
}

void broker_inspect(struct broker *broker, bool looks_at_heads,
		    void (*each)(void *owner, const struct queue_status *status), published done,
		    void *owner)
{
	broker->engine->inspect(broker, looks_at_heads, each, done, owner);
}
