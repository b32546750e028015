/* What the catalog's files share: catalog.c keeps the queues, routes.c says to which of them a message goes. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_CATALOG_INNER_H
#define LEVERET_BROKER_EMBEDDED_CORE_CATALOG_INNER_H

#include <uthash.h>

#include "broker/embedded/core/catalog.h"

struct item {
	struct queue *queue;
	bool is_subscriber; /* it has patterns on disk: not of the settings, of today or before */
	char **patterns;
	size_t pattern_count;
	UT_hash_handle by_name, by_id;
};

struct catalog {
	struct core *core;
	struct item *by_name, *by_id;
	struct queue *first, **end;
	size_t count;
	uint32_t next_id;
	/* of fixed exchanges, found once */
	struct queue *lost, *buried, *refused, *tx, *bulk;
	/* queues with patterns */
	struct item **subscribers;
	size_t subscriber_count;
	struct queue **
		targets; /* of the last message that was routed; room for every subscriber, and one */
};

#endif
