/* Takes messages from queues; see intake.h.
 *
 *   NOT_CONSUMING --consume--> CONSUMING --cancel (paused, freed)--> CANCELLING
 *   CANCELLING --cancel-ok--> NOT_CONSUMING
 *   CONSUMING -- basic.cancel of the broker: queue deleted --> NOT_CONSUMING, again after a wait
 *   channel closed --> all leases lost, opened again after a wait
 *   connection lost --> all leases lost, opened again with the connection
 *
 * When the bytes held pass the budget, nothing more is read from the connection until some are
 * settled: prefetch counts messages, and a queue may hold a thousand of 25 MB. */
#include <stdio.h>

#include "broker/rabbitmq/intake.h"
#include "broker/rabbitmq/topology.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

/* 512 KiB every 4 s keep a broker patient unless it sends larger messages in one piece, and add at most 60 MiB to the budget in the 8
 * minutes a lease is held. */
#define SIP_BYTES    ((size_t)512 << 10)
#define SIP_EVERY_MS 4000

#define PART 4 /* of the budget is what one of several consumers may hold */

#define AGAIN_MIN_MS 200
#define AGAIN_MAX_MS 30000
#define PREFETCH_MAX 65535

/* ---- consuming ---- */

static bool is_wanted(const struct amqp_consumer *consumer)
{
	return !consumer->is_paused && !consumer->is_full && !consumer->is_freed &&
	       consumer->intake->is_allowed;
}

/* A tag of its own for each subscription: RabbitMQ 3.10 crashes the channel over a quorum queue
 * that is consumed again under the tag of a cancelled subscription while leases of that one are
 * held. */
static void send_consume(struct amqp_consumer *consumer)
{
	(void)snprintf(consumer->tag, sizeof consumer->tag, "leveret-%u",
		       ++consumer->subscription_count);
	amqp_basic_qos_t qos = {.prefetch_count = (uint16_t)consumer->prefetch};
	channel_send(consumer->channel, AMQP_BASIC_QOS_METHOD, &qos);
	amqp_basic_consume_t consume = {
		.queue = wire_text(consumer->name),
		.consumer_tag = wire_text(consumer->tag),
	};
	channel_send(consumer->channel, AMQP_BASIC_CONSUME_METHOD, &consume);
	consumer->subscription = CONSUMING;
}

static void send_cancel(struct amqp_consumer *consumer)
{
	amqp_basic_cancel_t cancel = {.consumer_tag = wire_text(consumer->tag)};
	channel_send(consumer->channel, AMQP_BASIC_CANCEL_METHOD, &cancel);
	consumer->subscription = CANCELLING;
}

/* Brings the subscription to what is wanted, as far as the channel allows now. */
static void adjust(struct amqp_consumer *consumer)
{
	if (!channel_is_open(consumer->channel))
		return;
	if (is_wanted(consumer) && consumer->subscription == NOT_CONSUMING &&
	    !timer_is_running(consumer->again_timer))
		send_consume(consumer);
	else if (!is_wanted(consumer) && consumer->subscription == CONSUMING)
		send_cancel(consumer);
}

size_t consumer_part_bytes(const struct amqp_consumer *consumer)
{
	const struct amqp_consumer *first = LIST_FIRST(&consumer->intake->consumers);
	bool is_alone = first == consumer && !LIST_NEXT(first, next);
	if (is_alone || consumer->keeps_place || consumer->intake->budget_bytes == 0)
		return SIZE_MAX;
	return consumer->intake->budget_bytes / PART;
}

void consumer_fill(struct amqp_consumer *consumer, bool is_full)
{
	consumer->is_full = is_full;
	adjust(consumer);
}

static void try_again_later(struct amqp_consumer *consumer, const char *reason)
{
	log_event(EV_consumer_cancelled, F_TEXT("queue", consumer->name), F_TEXT("reason", reason),
		  F_INT("again_ms", consumer->again_ms));
	timer_start(consumer->again_timer, consumer->again_ms);
	consumer->again_ms =
		consumer->again_ms * 2 < AGAIN_MAX_MS ? consumer->again_ms * 2 : AGAIN_MAX_MS;
}

static void on_again(void *owner)
{
	struct amqp_consumer *consumer = owner;
	channel_open(consumer->channel);
	adjust(consumer);
}

/* One of others is waited for. */
static void ask_for_queue(struct amqp_consumer *consumer)
{
	if (!consumer->is_foreign)
		consumer->intake->queue_missing(consumer->intake->owner);
}

/* ---- the channel ---- */

static void on_opened(void *owner)
{
	adjust(owner);
}

static void on_method(void *owner, const amqp_method_t *method)
{
	struct amqp_consumer *consumer = owner;
	if (method->id == AMQP_BASIC_CONSUME_OK_METHOD) {
		consumer->again_ms = AGAIN_MIN_MS;
	} else if (method->id == AMQP_BASIC_CANCEL_OK_METHOD) {
		consumer->subscription = NOT_CONSUMING;
		adjust(consumer);
	} else if (method->id == AMQP_BASIC_CANCEL_METHOD) {
		consumer->subscription = NOT_CONSUMING;
		try_again_later(consumer,
				"cancelled by the broker: the queue was deleted or moved");
		ask_for_queue(consumer);
	}
}

static void on_content(void *owner, struct content *content)
{
	lease_arrived(owner, content);
}

static void destroy(struct amqp_consumer *consumer);

static void on_closed(void *owner, uint16_t code, const char *text)
{
	struct amqp_consumer *consumer = owner;
	consumer->subscription = NOT_CONSUMING;
	consumer->ack_count = 0;
	leases_lost(consumer);
	if (consumer->is_freed) {
		destroy(consumer);
	} else if (code != CHANNEL_LOST) {
		try_again_later(consumer, text);
		if (code == 404)
			ask_for_queue(consumer);
	}
}

/* ---- the end of a turn ---- */

/* A freed consumer keeps its channel until the last of its leases is settled. */
static bool is_spent(const struct amqp_consumer *consumer)
{
	return consumer->is_freed && TAILQ_EMPTY(&consumer->leases);
}

static void on_turn(void *owner)
{
	struct intake *intake = owner;
	struct amqp_consumer *consumer, *next;
	LIST_FOREACH(consumer, &intake->consumers, next)
	leases_send_acks(consumer);
	connection_flush(intake->connection);
	for (consumer = LIST_FIRST(&intake->consumers); consumer; consumer = next) {
		next = LIST_NEXT(consumer, next);
		if (is_spent(consumer))
			destroy(consumer);
	}
	/* Owners may make and free consumers while they are shown leases; a freed one stays in the
	 * list until the next turn. */
	LIST_FOREACH(consumer, &intake->consumers, next)
	{
		if (consumer->may_show)
			leases_show(consumer);
		if (consumer->is_full && consumer->held_bytes <= consumer_part_bytes(consumer) / 2)
			consumer_fill(consumer, false);
	}
	if (intake->budget_bytes == 0 || intake->held_bytes < intake->budget_bytes) {
		timer_stop(intake->sip_timer);
		connection_pause(intake->connection, false);
	}
}

void intake_hold(struct intake *intake)
{
	connection_pause(intake->connection, true);
	if (!timer_is_running(intake->sip_timer))
		timer_start(intake->sip_timer, SIP_EVERY_MS);
}

static void take_sip(void *owner)
{
	struct intake *intake = owner;
	connection_sip(intake->connection, SIP_BYTES);
	timer_start(intake->sip_timer, SIP_EVERY_MS);
}

/* ---- life ---- */

static void set_budget(struct intake *intake)
{
	struct amqp_consumer *consumer;
	intake->budget_bytes = 0;
	LIST_FOREACH(consumer, &intake->consumers, next)
	{
		if (consumer->prefetch_bytes > intake->budget_bytes)
			intake->budget_bytes = consumer->prefetch_bytes;
	}
}

static unsigned clamp_prefetch(unsigned prefetch)
{
	if (prefetch == 0)
		return 1; /* 0 would mean no bound at all */
	return prefetch < PREFETCH_MAX ? prefetch : PREFETCH_MAX;
}

struct consumer *amqp_consumer_new(struct intake *intake, const struct consumer_options *options,
				   void (*taken)(void *owner, struct lease *lease), void *owner)
{
	static const struct channel_handler channel_handler = {.opened = on_opened,
							       .method = on_method,
							       .content = on_content,
							       .closed = on_closed};
	struct amqp_consumer *consumer = memory_new(sizeof *consumer);
	consumer->consumer.engine = intake->engine;
	consumer->intake = intake;
	topology_name("", options->queue, consumer->queue);
	consumer->is_foreign = options->is_foreign;
	topology_name(options->is_foreign ? "" : intake->settings->prefix, options->queue,
		      consumer->name);
	consumer->takes_waiting =
		strncmp(options->queue, ENGINE_DELAY_QUEUES, strlen(ENGINE_DELAY_QUEUES)) == 0;
	consumer->prefetch = clamp_prefetch(options->prefetch);
	consumer->prefetch_bytes = options->prefetch_bytes;
	consumer->keeps_place = options->keeps_place;
	consumer->taken = taken;
	consumer->owner = owner;
	consumer->again_ms = AGAIN_MIN_MS;
	consumer->again_timer = timer_new(intake->loop, on_again, consumer);
	consumer->due_timer = timer_new(intake->loop, leases_due, consumer);
	TAILQ_INIT(&consumer->leases);
	LIST_INSERT_HEAD(&intake->consumers, consumer, next);
	set_budget(intake);
	consumer->channel = channel_new(intake->connection, &channel_handler, consumer);
	return &consumer->consumer;
}

/* Cuts it off from the broker. Its leases are lost; its holder frees it, now or later. */
static void shut(struct amqp_consumer *consumer)
{
	leases_lost(consumer);
	channel_free(&consumer->channel);
	timer_free(&consumer->again_timer);
	timer_free(&consumer->due_timer);
	LIST_REMOVE(consumer, next);
	set_budget(consumer->intake);
	consumer->intake = NULL;
	free(consumer->acks);
	consumer->acks = NULL;
}

static void destroy(struct amqp_consumer *consumer)
{
	if (consumer->intake)
		shut(consumer);
	free(consumer);
}

void amqp_consumer_free(struct consumer *opaque)
{
	struct amqp_consumer *consumer = (struct amqp_consumer *)opaque;
	consumer->is_freed = true;
	if (!consumer->intake) {
		destroy(consumer);
		return;
	}
	leases_hand_back(consumer);
	adjust(consumer);
	loop_defer(consumer->intake->loop, &consumer->intake->turn_task);
}

void amqp_consumer_pause(struct consumer *opaque, bool is_paused)
{
	struct amqp_consumer *consumer = (struct amqp_consumer *)opaque;
	if (consumer->is_paused == is_paused || !consumer->intake)
		return;
	consumer->is_paused = is_paused;
	if (is_paused)
		leases_hand_back(consumer);
	adjust(consumer);
}

void intake_allow(struct intake *intake, bool is_allowed)
{
	struct amqp_consumer *consumer;
	intake->is_allowed = is_allowed;
	LIST_FOREACH(consumer, &intake->consumers, next)
	{
		if (is_allowed && channel_is_open(consumer->channel) &&
		    consumer->subscription == NOT_CONSUMING)
			timer_stop(consumer->again_timer); /* the queue may be there now */
		if (is_allowed)
			channel_open(consumer->channel);
		adjust(consumer);
	}
}

void intake_init(struct intake *intake)
{
	LIST_INIT(&intake->consumers);
	intake->turn_task = (struct task){.run = on_turn, .owner = intake};
	intake->refused_timer = timer_new(intake->loop, leases_refused, intake);
	intake->sip_timer = timer_new(intake->loop, take_sip, intake);
}

void intake_done(struct intake *intake)
{
	struct amqp_consumer *consumer;
	LIST_FOREACH(consumer, &intake->consumers, next)
	leases_send_acks(consumer);
	connection_flush(intake->connection);
	while ((consumer = LIST_FIRST(&intake->consumers))) {
		if (consumer->is_freed)
			destroy(consumer);
		else
			shut(consumer);
	}
	task_cancel(&intake->turn_task, intake->loop);
	timer_free(&intake->refused_timer);
	timer_free(&intake->sip_timer);
}
