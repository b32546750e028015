/* What only RabbitMQ's management API tells of a queue. Blocking: for a thread of background.h. */
#ifndef LEVERET_BROKER_RABBITMQ_MANAGEMENT_H
#define LEVERET_BROKER_RABBITMQ_MANAGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct managed_queue {
	char *name;
	int64_t ready, unacked; /* -1: unknown */
	int64_t head_wall_ms;	/* when the message at the head was published; -1: unknown */
};

/* All queues of a virtual host. `url` may hold user and password; else those given are used. With looks_at_heads the first message of
 * each queue that holds some is taken and put back, for when it was published. *ret is freed by managed_free(). */
enum err management_queues(const char *url, const char *user, const char *password,
			   const char *vhost, bool looks_at_heads, struct managed_queue **ret,
			   size_t *ret_count) MUST_USE;
/* When the first message of the API's answer to "get" was published; -1: it does not say. Pure. */
int64_t management_parse_head(struct bytes json);
/* The body of the API's answer. Pure. */
enum err management_parse(struct bytes json, struct managed_queue **ret,
			  size_t *ret_count) MUST_USE;
void managed_free(struct managed_queue *queues, size_t count);

#endif
