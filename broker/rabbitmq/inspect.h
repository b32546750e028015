/* The state of every queue, for operators: depth and consumers by declaring passively, the rest
 * from the management API if it is set. A queue that is missing costs the channel of the asking, so
 * the asking goes on behind it on a new one. */
#ifndef LEVERET_BROKER_RABBITMQ_INSPECT_H
#define LEVERET_BROKER_RABBITMQ_INSPECT_H

#include <sys/queue.h>

#include "broker/broker.h"
#include "broker/rabbitmq/channel.h"
#include "broker/rabbitmq/topology.h"
#include "broker/rabbitmq/url.h"

struct inspection;
LIST_HEAD(inspection_list, inspection);

struct inspector { /* filled by the engine */
	struct loop *loop;
	struct connection *connection;
	const struct topology *topology;
	const struct broker_settings *settings;
	const struct url *url;
	struct inspection_list running;
};

void inspector_start(struct inspector *inspector, bool looks_at_heads,
		     void (*each)(void *owner, const struct queue_status *status), published done,
		     void *owner);
void inspector_done(struct inspector *inspector); /* those that run end with E_CANCELLED */

#endif
