/* What the engine's files share: rabbitmq.c puts the parts together, presence.c follows whether the broker is there. */
#ifndef LEVERET_BROKER_RABBITMQ_RABBITMQ_INNER_H
#define LEVERET_BROKER_RABBITMQ_RABBITMQ_INNER_H

#include "broker/rabbitmq/control.h"
#include "broker/rabbitmq/declarer.h"
#include "broker/rabbitmq/exchanges.h"
#include "broker/rabbitmq/inspect.h"
#include "broker/rabbitmq/intake.h"
#include "broker/rabbitmq/link.h"
#include "broker/rabbitmq/permits.h"
#include "broker/rabbitmq/rabbitmq.h"
#include "broker/rabbitmq/subscribe.h"
#include "broker/rabbitmq/tables.h"

struct rabbitmq {
	struct broker broker; /* first: what callers hold */
	struct engine_start start;
	struct url url;
	struct tls_context *tls;
	struct declarer declarer;
	struct exchanges exchanges;
	char publish_name[64], consume_name[64], permits_name[64];
	struct link_options publish_options, consume_options;
	struct link *publish_link, *consume_link;
	struct publisher *publisher;
	struct intake intake;
	struct tables tables;
	struct permits permits;
	struct control control;
	struct inspector inspector;
	struct subscriber subscriber;

	bool is_blocked;
	enum broker_state told_state;
	struct task state_task;
};

static inline struct rabbitmq *of(const struct broker *broker)
{
	return (struct rabbitmq *)broker;
}

/* ---- presence.c ---- */

void presence_start_links(struct rabbitmq *rabbitmq);
enum broker_state presence_state(const struct broker *broker);
bool presence_is_refused(const struct broker *broker, struct why *ret_why);

/* Upcalls, whose owner is the engine: tell its owner of another state; the topology stands, or stands no more; something of it is missing;
 * the publisher may publish, or not; its channel was closed. */
void presence_tell(void *owner);
void presence_declared(void *owner, bool is_declared);
void presence_missing(void *owner);
void presence_ready_changed(void *owner);
void presence_publisher_broken(void *owner, uint16_t code, const char *text);

#endif
