/* Where publications go on RabbitMQ: the exchanges of broker.h by the names that they have there, or that of a delay. */
#ifndef LEVERET_BROKER_RABBITMQ_EXCHANGES_H
#define LEVERET_BROKER_RABBITMQ_EXCHANGES_H

#include "broker/rabbitmq/publisher.h"

struct exchanges {
	struct loop *loop;
	const struct broker_settings *settings;
	char names[EXCHANGE_FOREIGN + 1][WIRE_SHORT_MAX + 1]; /* that of others' queues is "" */
	char json_results[WIRE_SHORT_MAX + 1], json_events[WIRE_SHORT_MAX + 1];
};
void exchanges_init(struct exchanges *exchanges, struct loop *loop,
		    const struct broker_settings *settings);
/* As broker_publish(). */
void exchanges_publish(const struct exchanges *exchanges, struct publisher *publisher,
		       const struct publication *publication, published done, void *owner);

#endif
