/* Whether the broker is there: of two connections, the publisher's channel and the topology all must be. */
#include <stdio.h>

#include "broker/rabbitmq/rabbitmq_inner.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

/* ---- the state ---- */

enum broker_state presence_state(const struct broker *broker)
{
	const struct rabbitmq *rabbitmq = of(broker);
	bool is_connected = connection_is_open(link_connection(rabbitmq->consume_link)) &&
			    publisher_is_ready(rabbitmq->publisher);
	if (!rabbitmq->declarer.is_declared || !is_connected)
		return BROKER_AWAY;
	return rabbitmq->is_blocked ? BROKER_BLOCKED : BROKER_READY;
}

bool presence_is_refused(const struct broker *broker, struct why *ret_why)
{
	const struct rabbitmq *rabbitmq = of(broker);
	if (rabbitmq->declarer.is_refused && ret_why)
		*ret_why = rabbitmq->declarer.refusal;
	return rabbitmq->declarer.is_refused;
}

void presence_tell(void *owner)
{
	struct rabbitmq *rabbitmq = owner;
	enum broker_state state = presence_state(&rabbitmq->broker);
	if (state == rabbitmq->told_state)
		return;
	rabbitmq->told_state = state;
	metric_set(M_broker_ready, (const char *const[]){rabbitmq->start.role},
		   state == BROKER_READY);
	if (rabbitmq->start.state_changed)
		rabbitmq->start.state_changed(rabbitmq->start.owner, state);
}

static void note_state(struct rabbitmq *rabbitmq)
{
	loop_defer(rabbitmq->start.loop, &rabbitmq->state_task);
}

void presence_declared(void *owner, bool is_declared)
{
	struct rabbitmq *rabbitmq = owner;
	publisher_allow(rabbitmq->publisher, is_declared);
	if (is_declared) {
		publisher_reopen(rabbitmq->publisher);
		intake_allow(&rabbitmq->intake, true);
		tables_allow(&rabbitmq->tables, true);
		amqp_control_allow(&rabbitmq->control);
	}
	note_state(rabbitmq);
}

/* A queue or an exchange. */
void presence_missing(void *owner)
{
	struct rabbitmq *rabbitmq = owner;
	declarer_missing(&rabbitmq->declarer);
}

/* ---- the links ---- */

static void log_lost(const struct link *link, const char *name, const struct why *why)
{
	log_event(EV_broker_lost, F_TEXT("connection", name), F_TEXT("host", link_host(link)),
		  F_TEXT("why", why->text));
}

static void on_consume_opened(void *owner)
{
	struct rabbitmq *rabbitmq = owner;
	log_event(EV_broker_connected, F_TEXT("connection", "consume"),
		  F_TEXT("host", link_host(rabbitmq->consume_link)));
	declarer_opened(&rabbitmq->declarer);
	note_state(rabbitmq);
}

static void on_consume_lost(void *owner, const struct why *why)
{
	struct rabbitmq *rabbitmq = owner;
	log_lost(rabbitmq->consume_link, "consume", why);
	declarer_lost(&rabbitmq->declarer, why);
	note_state(rabbitmq);
}

static void on_consume_blocked(void *owner, bool is_blocked, const char *reason)
{
	(void)owner, (void)is_blocked, (void)reason; /* it publishes nothing */
}

static void on_publish_opened(void *owner)
{
	struct rabbitmq *rabbitmq = owner;
	log_event(EV_broker_connected, F_TEXT("connection", "publish"),
		  F_TEXT("host", link_host(rabbitmq->publish_link)));
}

static void on_publish_lost(void *owner, const struct why *why)
{
	struct rabbitmq *rabbitmq = owner;
	log_lost(rabbitmq->publish_link, "publish", why);
	rabbitmq->is_blocked = false;
	note_state(rabbitmq);
}

static void on_publish_blocked(void *owner, bool is_blocked, const char *reason)
{
	struct rabbitmq *rabbitmq = owner;
	rabbitmq->is_blocked = is_blocked;
	if (is_blocked)
		log_event(EV_broker_blocked, F_TEXT("reason", reason));
	else
		log_event(EV_broker_unblocked);
	publisher_block(rabbitmq->publisher, is_blocked);
	note_state(rabbitmq);
}

static void on_publish_drained(void *owner)
{
	struct rabbitmq *rabbitmq = owner;
	publisher_drained(rabbitmq->publisher);
}

/* ---- what the publisher tells ---- */

void presence_ready_changed(void *owner)
{
	note_state(owner);
}

void presence_publisher_broken(void *owner, uint16_t code, const char *text)
{
	struct why why;
	(void)fail(&why, E_CLOSED, "channel closed by the broker: %u %s", code, text);
	log_event(EV_broker_lost, F_TEXT("connection", "publish channel"), F_TEXT("why", why.text));
	presence_missing(owner); /* an exchange may be missing; then it opens again */
}

/* ---- both connections ---- */

void presence_start_links(struct rabbitmq *rabbitmq)
{
	static const struct link_handler publish_handler = {.opened = on_publish_opened,
							    .lost = on_publish_lost,
							    .blocked = on_publish_blocked,
							    .drained = on_publish_drained};
	static const struct link_handler consume_handler = {.opened = on_consume_opened,
							    .lost = on_consume_lost,
							    .blocked = on_consume_blocked};
	const struct engine_start *start = &rabbitmq->start;
	(void)snprintf(rabbitmq->publish_name, sizeof rabbitmq->publish_name, "leveret %s publish",
		       start->role);
	(void)snprintf(rabbitmq->consume_name, sizeof rabbitmq->consume_name, "leveret %s consume",
		       start->role);
	rabbitmq->publish_options = (struct link_options){start->settings, &rabbitmq->url,
							  rabbitmq->tls, rabbitmq->publish_name};
	rabbitmq->consume_options = rabbitmq->publish_options;
	rabbitmq->consume_options.name = rabbitmq->consume_name;
	rabbitmq->publish_link =
		link_new(start->loop, &rabbitmq->publish_options, &publish_handler, rabbitmq);
	rabbitmq->consume_link =
		link_new(start->loop, &rabbitmq->consume_options, &consume_handler, rabbitmq);
	rabbitmq->declarer.connection = link_connection(rabbitmq->consume_link);
}
