/* What is published to leveret.results and leveret.events, as JSON too, for programs of others that bind a queue to the exchanges leveret.results.json
 * and leveret.events.json (broker.json_copies). Leveret itself reads the original only. A body is an array, its objects those of
 * schemas/schemas.h; a large batch is several. */
#ifndef LEVERET_BROKER_RABBITMQ_JSON_COPIES_H
#define LEVERET_BROKER_RABBITMQ_JSON_COPIES_H

#include "broker/rabbitmq/publisher.h"

/* The settings ask for them of this exchange. */
bool json_copies_are_wanted(const struct broker_settings *settings, enum exchange exchange);

/* Publishes the original, and its copies to the exchange `to` under the same key. `done` comes once: OK when all are kept, else the first failure.
 * A copy that can never be kept or made is left out and logged. */
void json_copies_publish(struct publisher *publisher, enum exchange exchange, const char *to,
			 const struct outgoing *original, published done, void *owner);

#endif
