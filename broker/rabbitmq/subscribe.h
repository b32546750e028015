/* Makes a durable queue for events that somebody asked for, and deletes it; makes queues of others where they are missing. */
#ifndef LEVERET_BROKER_RABBITMQ_SUBSCRIBE_H
#define LEVERET_BROKER_RABBITMQ_SUBSCRIBE_H

#include <sys/queue.h>

#include "broker/broker.h"
#include "broker/rabbitmq/topology.h"

struct subscription;
LIST_HEAD(subscription_list, subscription);

struct subscriber { /* filled by the engine */
	struct loop *loop;
	struct connection *connection;
	const struct topology *topology;
	struct subscription_list running;
};

void subscriber_start(struct subscriber *subscriber, const char *queue, const char *pattern,
		      published done, void *owner);
void unsubscriber_start(struct subscriber *subscriber, const char *queue, bool drops_messages,
			published done, void *owner);
void need_start(struct subscriber *subscriber, const char *queue, published done, void *owner);
void subscriber_done(struct subscriber *subscriber); /* those that run end with E_CANCELLED */

#endif
