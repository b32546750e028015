/* What only RabbitMQ's management API tells of a queue. Blocking: for a thread of background.h. */
#ifndef LEVERET_BROKER_RABBITMQ_MANAGEMENT_H
#define LEVERET_BROKER_RABBITMQ_MANAGEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct managed_queue {
	char *name;
	int64_t unacked;      /* -1: unknown */
	int64_t head_wall_ms; /* when the message at the head was published; -1: unknown */
};

/* All queues of a virtual host. `url` may hold user and password; else those given are used. *ret
 * is freed by managed_free(). */
enum err management_queues(const char *url, const char *user, const char *password,
			   const char *vhost, struct managed_queue **ret,
			   size_t *ret_count) MUST_USE;
/* The body of the API's answer. */
enum err management_parse(struct bytes json, struct managed_queue **ret,
			  size_t *ret_count) MUST_USE;
void managed_free(struct managed_queue *queues, size_t count);

#endif
