/* What takes the place of a message that is retried, buried, refused or returned: it is published, and when it is confirmed the lease is
 * acked. So the message is in one queue at least, at every moment. See intake.h. */
#include <stdio.h>

#include "broker/rabbitmq/intake.h"
#include "broker/rabbitmq/topology.h"
#include "lib/obs/log.h"

#define FOREIGN_LIMIT	20   /* RabbitMQ's own, of a quorum queue that was given none */
#define REFUSED_WAIT_MS 1000 /* a successor that was not kept: do not try at once again */

/* Returned after a short wait. */
void successor_hold(struct amqp_lease *lease)
{
	struct timer *timer = lease->consumer->intake->refused_timer;
	lease_set_state(lease, LEASE_REFUSED);
	if (!timer_is_running(timer))
		timer_start(timer, REFUSED_WAIT_MS);
}

static void on_successor(void *owner, enum err err)
{
	struct amqp_lease *lease = owner;
	if (!lease->consumer)
		lease_free(
			lease); /* lost meanwhile: the queue has it, and perhaps the successor too */
	else if (!err)
		lease_acked(lease);
	else
		successor_hold(lease);
}

/* The body is not copied: the lease keeps it until the successor is confirmed. */
static void publish_successor(struct amqp_lease *lease, const char *exchange,
			      int64_t not_before_wall_ms, const char *reason)
{
	struct amqp_consumer *consumer = lease->consumer;
	/* Delivery queues are found again by the key, which follows changes of the settings
	 * meanwhile. */
	bool is_found_by_key = strncmp(consumer->queue, "deliver.", strlen("deliver.")) == 0;
	const struct outgoing outgoing = {
		.exchange = exchange,
		.key = lease->lease.key,
		.message_id = lease->lease.message_id,
		.content_type = lease->lease.content_type,
		.content_encoding = lease->lease.content_encoding,
		.queue = is_found_by_key || reason ? NULL : consumer->queue,
		.reason = reason,
		.not_before_wall_ms = not_before_wall_ms,
		.head = lease->lease.body,
		.keeps_head = true,
		.original = lease->content->original,
	};
	lease_set_state(lease, LEASE_SETTLING);
	publisher_publish(consumer->intake->publisher, &outgoing, on_successor, lease);
}

void intake_delay_exchange(const char *prefix, int64_t left_ms, char out[WIRE_SHORT_MAX + 1])
{
	char name[64] = EXCHANGE_NAME_DUE;
	unsigned bucket_s = delay_bucket_s(left_ms);
	if (bucket_s > 0)
		(void)snprintf(name, sizeof name, EXCHANGE_NAME_DELAY, bucket_s);
	topology_name(prefix, name, out);
}

void successor_park(struct amqp_lease *lease, int64_t left_ms, int64_t not_before_wall_ms)
{
	char exchange[WIRE_SHORT_MAX + 1];
	intake_delay_exchange(lease->consumer->intake->settings->prefix, left_ms, exchange);
	publish_successor(lease, exchange, not_before_wall_ms, NULL);
}

/* To the queue of those that a person must look at. */
void successor_set_aside(struct amqp_lease *lease, const char *to, const char *reason)
{
	char exchange[WIRE_SHORT_MAX + 1];
	topology_name(lease->consumer->intake->settings->prefix, to, exchange);
	publish_successor(lease, exchange, 0, reason);
}

void successor_bury(struct amqp_lease *lease, const char *reason)
{
	log_event(EV_lease_buried, F_TEXT("queue", lease->consumer->name),
		  F_TEXT("message", lease->lease.message_id), F_TEXT("reason", reason));
	successor_set_aside(lease, EXCHANGE_NAME_BURIED, reason);
}

/* Behind the others in a queue that nothing of ours leads to: by the exchange that leads everywhere. Its key becomes the queue's
 * name, which for nearly all it was. */
static void publish_again(struct amqp_lease *lease)
{
	const struct outgoing outgoing = {
		.exchange = "",
		.key = lease->consumer->name,
		.message_id = lease->lease.message_id,
		.content_type = lease->lease.content_type,
		.content_encoding = lease->lease.content_encoding,
		.head = lease->lease.body,
		.keeps_head = true,
		.original = lease->content->original,
	};
	lease_set_state(lease, LEASE_SETTLING);
	publisher_publish(lease->consumer->intake->publisher, &outgoing, on_successor, lease);
}

static void start_anew(struct amqp_lease *lease)
{
	if (lease->consumer->is_foreign)
		publish_again(lease);
	else
		successor_park(lease, 0, 0);
}

/* A quorum queue counts every return, and buries at the limit what may only have met a site that is
 * parked again and again. So a message that came back often is put in its queue anew, which starts
 * its count anew. */
void successor_release(struct amqp_lease *lease)
{
	int64_t limit = lease->consumer->intake->settings->delivery_limit;
	if (lease->consumer->is_foreign && limit > FOREIGN_LIMIT)
		limit = FOREIGN_LIMIT;
	/* Half the limit, rounded up; the count is the broker's word, and doubling it could overflow. Where messages wait there is
	 * no limit, and "anew" would end the wait. */
	if (!lease->consumer->takes_waiting && lease->content->delivery_count >= limit - limit / 2)
		start_anew(lease);
	else
		lease_give_back(lease);
}
