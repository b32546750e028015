/* A few requests in a row on a channel of their own, sent without waiting, answered in order. When
 * the broker refuses one it closes the channel, which harms nobody else. The job frees itself after
 * `finished`. */
#ifndef LEVERET_BROKER_RABBITMQ_JOB_H
#define LEVERET_BROKER_RABBITMQ_JOB_H

#include "broker/rabbitmq/channel.h"

struct job;

struct job_handler {
	void (*send)(void *owner, struct channel *channel,
		     size_t index); /* exactly one method that is answered */
	void (*replied)(void *owner, size_t index, const amqp_method_t *reply); /* NULL allowed */
	/* All was answered when count equals the job's; else request `count` was refused with code
	 * and text, or CHANNEL_LOST. */
	void (*finished)(void *owner, size_t count, uint16_t code, const char *text);
};

/* Starts when the connection is open, or waits until it is. */
struct job *job_new(struct connection *connection, size_t count, const struct job_handler *handler,
		    void *owner);
void job_cancel(struct job **job); /* before `finished` only */

#endif
