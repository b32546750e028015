/* How steps of the topology are said to RabbitMQ, and what to do when it refuses one. */
#include <assert.h>
#include <stdio.h>

#include "broker/broker.h"
#include "broker/rabbitmq/topology.h"

#define SUBMIT_BYTES_MAX (4ll << 30)
/* On 4.x a quorum queue without a limit has one of 20 and then drops; this one is never reached. */
#define NO_DELIVERY_LIMIT 1000000000

#define ARGUMENTS_MAX 8
#define AGE_SIZE      24

struct arguments {
	amqp_table_entry_t entries[ARGUMENTS_MAX];
	int count;
};

static void add_argument(struct arguments *a, amqp_table_entry_t entry)
{
	assert(a->count < ARGUMENTS_MAX);
	a->entries[a->count++] = entry;
}

/* Dead letters move only when the other queue has them, which needs a queue that refuses rather
 * than drops. */
static void add_safe_dead_letters(struct arguments *a)
{
	add_argument(a, wire_entry_text("x-dead-letter-strategy", "at-least-once"));
	add_argument(a, wire_entry_text("x-overflow", "reject-publish"));
}

static void table_arguments(const struct broker_settings *settings, const struct step *step,
			    char age[AGE_SIZE], struct arguments *a)
{
	if (step->kind == QUEUE_TABLE_AS_IS)
		return;
	add_argument(a, wire_entry_text("x-queue-type", "stream"));
	if (step->kind == QUEUE_TABLE_UNCUT)
		return;
	(void)snprintf(age, AGE_SIZE, "%llds", (long long)(settings->table_kept + 999) / 1000);
	add_argument(a, wire_entry_text("x-max-age", age));
	add_argument(a, wire_entry_int("x-stream-max-segment-size-bytes", settings->table_segment));
}

static void queue_arguments(const struct topology *topology, const struct step *step,
			    const char *buried, const char *due, char age[AGE_SIZE],
			    struct arguments *a)
{
	const struct broker_settings *settings = topology->settings;
	bool is_quorum = settings->queue_type == 0;
	if (step_is_table(step)) {
		table_arguments(settings, step, age, a);
		return;
	}
	add_argument(a, wire_entry_text("x-queue-type", is_quorum ? "quorum" : "classic"));
	if (step->kind == QUEUE_SUBMIT) {
		add_argument(a, wire_entry_int("x-max-length-bytes", SUBMIT_BYTES_MAX));
		if (!is_quorum)
			add_argument(a, wire_entry_text("x-overflow", "reject-publish"));
	}
	if (step->kind == QUEUE_TAIL)
		add_argument(a, wire_entry_flag("x-single-active-consumer", true));
	if (step->kind == QUEUE_HOST)
		add_argument(a, wire_entry_int("x-expires", QUEUE_HOST_UNUSED_MS));
	if (step->kind == QUEUE_DELAY)
		add_argument(a, wire_entry_int("x-message-ttl", step->delay_s * 1000ll));
	if (step->kind != QUEUE_END)
		add_argument(a, wire_entry_text("x-dead-letter-exchange",
						step->kind == QUEUE_DELAY ? due : buried));
	if (is_quorum) {
		bool is_limited = step->kind != QUEUE_END && step->kind != QUEUE_DELAY;
		add_argument(
			a, wire_entry_int("x-delivery-limit", is_limited ? settings->delivery_limit
									 : NO_DELIVERY_LIMIT));
		if (step->kind != QUEUE_END)
			add_safe_dead_letters(a);
	}
}

static void send_queue(const struct topology *topology, struct channel *channel,
		       const struct step *step)
{
	char buried[WIRE_SHORT_MAX + 1], due[WIRE_SHORT_MAX + 1], age[AGE_SIZE];
	topology_name(topology->settings->prefix, EXCHANGE_NAME_BURIED, buried);
	topology_name(topology->settings->prefix, EXCHANGE_NAME_DUE, due);
	struct arguments a = {0};
	queue_arguments(topology, step, buried, due, age, &a);
	amqp_queue_declare_t declare = {
		.queue = wire_text(step->name),
		.durable = true,
		.passive = step->kind == QUEUE_TABLE_AS_IS,
		.arguments = {a.count, a.entries},
	};
	channel_send(channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
}

static void send_exchange(struct channel *channel, const struct step *step)
{
	struct arguments a = {0};
	if (step->alternate)
		add_argument(&a, wire_entry_text("alternate-exchange", step->alternate));
	amqp_exchange_declare_t declare = {
		.exchange = wire_text(step->name),
		.type = wire_text(step->type),
		.durable = true,
		.arguments = {a.count, a.entries},
	};
	channel_send(channel, AMQP_EXCHANGE_DECLARE_METHOD, &declare);
}

static void send_bind_queue(struct channel *channel, const struct step *step)
{
	struct arguments a = {0};
	if (step->header_queue) {
		add_argument(&a, wire_entry_text("x-match", "all"));
		add_argument(&a, wire_entry_text(HEADER_QUEUE, step->header_queue));
	}
	amqp_queue_bind_t bind = {
		.queue = wire_text(step->name),
		.exchange = wire_text(step->source),
		.routing_key = wire_text(step->key),
		.arguments = {a.count, a.entries},
	};
	channel_send(channel, AMQP_QUEUE_BIND_METHOD, &bind);
}

static void send_bind_exchange(struct channel *channel, const struct step *step)
{
	amqp_exchange_bind_t bind = {
		.destination = wire_text(step->name),
		.source = wire_text(step->source),
		.routing_key = wire_text(step->key),
	};
	channel_send(channel, AMQP_EXCHANGE_BIND_METHOD, &bind);
}

void topology_send(const struct topology *topology, struct channel *channel,
		   const struct step *step)
{
	switch (step->what) {
	case STEP_EXCHANGE:
		send_exchange(channel, step);
		return;
	case STEP_QUEUE:
		send_queue(topology, channel, step);
		return;
	case STEP_BIND_QUEUE:
		send_bind_queue(channel, step);
		return;
	case STEP_BIND_EXCHANGE:
		send_bind_exchange(channel, step);
		return;
	}
}

/* ---- refusals ---- */

void topology_explain(const struct step *step, uint16_t code, const char *text, struct why *ret)
{
	static const char *const words[] = {"exchange", "queue", "binding to", "binding to"};
	const char *advice = "";
	if (code == 406)
		advice = ": it exists with other arguments; delete it when it is empty, or set "
			 "broker.prefix or broker.queue_type";
	else if (code == 403)
		advice = ": grant the right to configure, or set broker.declare to false and "
			 "declare it elsewhere";
	else if (code == 404)
		advice = ": what it leads from or to is missing";
	(void)fail(ret, E_REFUSED, "%s %s: %u %s%s", words[step->what], step->name, code, text,
		   advice);
}
