/* See rabbitmq.h. Puts the parts together: all may publish and consume while the topology is
 * declared (declarer.h). */
#include <stdio.h>

#include "broker/rabbitmq/rabbitmq_inner.h"
#include "lib/base/memory.h"

/* ---- the publisher ---- */

static void rabbitmq_publish(struct broker *broker, const struct publication *publication,
			     published done, void *owner)
{
	struct rabbitmq *rabbitmq = of(broker);
	exchanges_publish(&rabbitmq->exchanges, rabbitmq->publisher, publication, done, owner);
}

static uint64_t rabbitmq_unconfirmed_bytes(const struct broker *broker)
{
	return publisher_unconfirmed_bytes(of(broker)->publisher);
}

static size_t rabbitmq_unconfirmed_count(const struct broker *broker)
{
	return publisher_unconfirmed_count(of(broker)->publisher);
}

/* ---- the rest of the table ---- */

static struct consumer *rabbitmq_consumer_new(struct broker *broker,
					      const struct consumer_options *options,
					      void (*taken)(void *owner, struct lease *lease),
					      void *owner)
{
	return amqp_consumer_new(&of(broker)->intake, options, taken, owner);
}

static void rabbitmq_subscribe(struct broker *broker, const char *queue, const char *pattern,
			       published done, void *owner)
{
	subscriber_start(&of(broker)->subscriber, queue, pattern, done, owner);
}

static void rabbitmq_unsubscribe(struct broker *broker, const char *queue, bool drops_messages,
				 published done, void *owner)
{
	unsubscriber_start(&of(broker)->subscriber, queue, drops_messages, done, owner);
}

static void rabbitmq_need_queue(struct broker *broker, const char *queue, published done,
				void *owner)
{
	need_start(&of(broker)->subscriber, queue, done, owner);
}

static struct table_follower *rabbitmq_table_follow(struct broker *broker, const char *table,
						    uint64_t position,
						    const struct table_handler *handler,
						    void *owner)
{
	return tables_follow(&of(broker)->tables, table, position, handler, owner);
}

static void rabbitmq_table_append(struct broker *broker, const char *table,
				  const struct table_entry *entry, published done, void *owner)
{
	tables_append(&of(broker)->tables, table, entry, done, owner);
}

static int64_t rabbitmq_table_kept_ms(const struct broker *broker, const char *table)
{
	return topology_table_kept_ms(&of(broker)->declarer.topology, table);
}

static struct permit *rabbitmq_permit_ask(struct broker *broker, const char *name, unsigned limit,
					  const struct permit_handler *handler, void *owner)
{
	return amqp_permit_ask(&of(broker)->permits, name, limit, handler, owner);
}

static void rabbitmq_listen(struct broker *broker, heard_upcall heard, void *owner)
{
	amqp_control_listen(&of(broker)->control, heard, owner);
}

static bool rabbitmq_answer(struct broker *broker, const struct reply_address *address,
			    struct bytes answer)
{
	return amqp_control_answer(&of(broker)->control, address, answer);
}

static struct asking *rabbitmq_ask(struct broker *broker, struct bytes question,
				   answered_upcall answered, void *owner)
{
	return amqp_control_ask(&of(broker)->control, question, answered, owner);
}

static void rabbitmq_inspect(struct broker *broker, bool looks_at_heads,
			     void (*each)(void *owner, const struct queue_status *status),
			     published done, void *owner)
{
	inspector_start(&of(broker)->inspector, looks_at_heads, each, done, owner);
}

/* ---- opening and closing ---- */

static enum err prepare(struct rabbitmq *rabbitmq, struct why *why)
{
	const struct broker_settings *settings = rabbitmq->start.settings;
	enum err err = url_parse(settings->url, &rabbitmq->url, why);
	if (err)
		return err;
	if (rabbitmq->url.is_tls) {
		const struct tls_client_options options = {.verify = settings->tls_verify,
							   .ca_file = settings->tls_ca};
		err = tls_client_new(&options, &rabbitmq->tls, why);
		if (err)
			return err;
	}
	rabbitmq->declarer = (struct declarer){.loop = rabbitmq->start.loop,
					       .settings = settings,
					       .changed = presence_declared,
					       .owner = rabbitmq};
	err = declarer_init(&rabbitmq->declarer, rabbitmq->start.routing, why);
	if (err)
		tls_context_free(&rabbitmq->tls);
	return err;
}

static void start_parts(struct rabbitmq *rabbitmq)
{
	static const struct publisher_handler publisher_handler = {
		.ready_changed = presence_ready_changed, .broken = presence_publisher_broken};
	const struct engine_start *start = &rabbitmq->start;
	struct connection *publish = link_connection(rabbitmq->publish_link);
	struct connection *consume = link_connection(rabbitmq->consume_link);
	rabbitmq->publisher =
		publisher_new(start->loop, publish, start->settings, &publisher_handler, rabbitmq);
	rabbitmq->intake = (struct intake){
		.engine = &rabbitmq_engine,
		.loop = start->loop,
		.connection = consume,
		.publisher = rabbitmq->publisher,
		.settings = start->settings,
		.queue_missing = presence_missing,
		.owner = rabbitmq,
	};
	intake_init(&rabbitmq->intake);
	rabbitmq->tables = (struct tables){
		.engine = &rabbitmq_engine,
		.loop = start->loop,
		.connection = publish,
		.publisher = rabbitmq->publisher,
		.settings = start->settings,
		.queue_missing = presence_missing,
		.owner = rabbitmq,
	};
	rabbitmq->inspector =
		(struct inspector){start->loop,	    consume,	    &rabbitmq->declarer.topology,
				   start->settings, &rabbitmq->url, {NULL}};
	rabbitmq->permits = (struct permits){
		.engine = &rabbitmq_engine,
		.loop = start->loop,
		.publish = publish,
		.options = rabbitmq->publish_options,
	};
	(void)snprintf(rabbitmq->permits_name, sizeof rabbitmq->permits_name, "leveret %s permits",
		       start->role);
	rabbitmq->permits.options.name = rabbitmq->permits_name;
	amqp_permits_init(&rabbitmq->permits);
	rabbitmq->control = (struct control){
		.engine = &rabbitmq_engine,
		.loop = start->loop,
		.connection = publish,
		.settings = start->settings,
	};
	amqp_control_init(&rabbitmq->control);
	rabbitmq->subscriber =
		(struct subscriber){start->loop, consume, &rabbitmq->declarer.topology, {NULL}};
}

static enum err rabbitmq_open(const struct engine_start *start, struct broker **ret,
			      struct why *why)
{
	struct rabbitmq *rabbitmq = memory_new(sizeof *rabbitmq);
	rabbitmq->broker.engine = &rabbitmq_engine;
	rabbitmq->start = *start;
	enum err err = prepare(rabbitmq, why);
	if (err) {
		free(rabbitmq);
		return err;
	}
	exchanges_init(&rabbitmq->exchanges, rabbitmq->start.loop, rabbitmq->start.settings);
	rabbitmq->told_state = BROKER_AWAY;
	rabbitmq->state_task = (struct task){.run = presence_tell, .owner = rabbitmq};
	presence_start_links(rabbitmq);
	start_parts(rabbitmq);
	*ret = &rabbitmq->broker;
	return OK;
}

/* Leases and acks before the publisher, whose failures they would hear; the links last, with all
 * that is to be sent. */
static void rabbitmq_close(struct broker *broker)
{
	struct rabbitmq *rabbitmq = of(broker);
	inspector_done(&rabbitmq->inspector);
	subscriber_done(&rabbitmq->subscriber);
	amqp_permits_done(&rabbitmq->permits);
	amqp_control_done(&rabbitmq->control);
	intake_done(&rabbitmq->intake);
	tables_done(&rabbitmq->tables);
	publisher_free(&rabbitmq->publisher);
	declarer_done(&rabbitmq->declarer);
	link_free(&rabbitmq->publish_link);
	link_free(&rabbitmq->consume_link);
	task_cancel(&rabbitmq->state_task, rabbitmq->start.loop);
	tls_context_free(&rabbitmq->tls);
	free(rabbitmq);
}

const struct engine rabbitmq_engine = {
	.open = rabbitmq_open,
	.close = rabbitmq_close,
	.state = presence_state,
	.is_refused = presence_is_refused,
	.publish = rabbitmq_publish,
	.unconfirmed_bytes = rabbitmq_unconfirmed_bytes,
	.unconfirmed_count = rabbitmq_unconfirmed_count,
	.consumer_new = rabbitmq_consumer_new,
	.consumer_free = amqp_consumer_free,
	.consumer_pause = amqp_consumer_pause,
	.lease_is_lost = amqp_lease_is_lost,
	.lease_settle = amqp_lease_settle,
	.subscribe = rabbitmq_subscribe,
	.unsubscribe = rabbitmq_unsubscribe,
	.need_queue = rabbitmq_need_queue,
	.table_follow = rabbitmq_table_follow,
	.table_follower_free = tables_follower_free,
	.table_append = rabbitmq_table_append,
	.table_kept_ms = rabbitmq_table_kept_ms,
	.permit_ask = rabbitmq_permit_ask,
	.permit_limit = amqp_permit_limit,
	.permit_free = amqp_permit_free,
	.listen = rabbitmq_listen,
	.answer = rabbitmq_answer,
	.ask = rabbitmq_ask,
	.asking_free = amqp_control_asking_free,
	.inspect = rabbitmq_inspect,
};
