/* The properties that a stranger gave a message, kept over our publishing it again: its headers,
 * correlation id, type and so on. Of our own messages nothing is kept, so that they cost nothing. */
#ifndef LEVERET_BROKER_RABBITMQ_ORIGINAL_H
#define LEVERET_BROKER_RABBITMQ_ORIGINAL_H

#include "broker/rabbitmq/wire.h"

#define ORIGINAL_MAX	     8192      /* of all encoded; what is longer is not kept */
#define ORIGINAL_HEADERS_MAX 4	       /* added by original_add() */
#define ORIGINAL_OURS	     "leveret" /* the app id of our own messages */

/* Encodes what is to be kept, and gives its length; 0: nothing is. Not kept: the time to live, the
 * user's name (which the broker would compare with ours), and headers that the broker or we set. */
size_t original_keep(const amqp_basic_properties_t *properties, uint8_t out[ORIGINAL_MAX]);

struct original {
	amqp_basic_properties_t properties; /* borrows from `kept` and the pool */
	amqp_pool_t pool;
	bool has_pool;
	amqp_table_entry_t few[ORIGINAL_HEADERS_MAX]; /* headers, when nothing was kept */
	int added_count;
};

/* `kept` must have come from original_keep(), or be none. */
void original_restore(struct original *original, struct bytes kept);
void original_add(struct original *original, amqp_table_entry_t header);
void original_done(struct original *original);

#endif
