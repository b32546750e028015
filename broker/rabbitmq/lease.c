/* Shows and settles leases; see intake.h.
 *
 *   arrived -> WAITING -> SHOWN -> acked, at the end of the turn
 *   SHOWN -- retry, bury, refuse --> SETTLING -- successor confirmed --> acked
 *   SHOWN -- retry, in a queue of others --> REFUSED
 *   SETTLING -- successor not kept --> REFUSED -> back to the queue after a wait
 *   arrived, not due for long -> SETTLING: parked again, never shown
 *
 * Every lease that is not acked yet stands in its consumer's list in order of tags, so the first
 * tells how far one ack that means "all up to here" may reach. */
#include <assert.h>
#include <stdio.h>

#include "broker/rabbitmq/intake.h"
#include "broker/rabbitmq/topology.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

/* ---- lists and counts ---- */

static void note_change(struct amqp_consumer *consumer)
{
	loop_defer(consumer->intake->loop, &consumer->intake->turn_task);
}

void lease_set_state(struct amqp_lease *lease, enum lease_state state)
{
	struct amqp_consumer *consumer = lease->consumer;
	if (lease->state == LEASE_SHOWN) {
		consumer->shown_count--;
		consumer->may_show = true;
		note_change(consumer);
	}
	if (lease->state == LEASE_WAITING)
		consumer->waiting_count--;
	if (state == LEASE_SHOWN)
		consumer->shown_count++;
	if (state == LEASE_WAITING)
		consumer->waiting_count++;
	lease->state = state;
}

void lease_free(struct amqp_lease *lease)
{
	free(lease->content);
	free(lease);
}

/* Takes the lease out of its consumer's books; from here on it is lost or settled. */
static void detach(struct amqp_lease *lease)
{
	struct amqp_consumer *consumer = lease->consumer;
	assert(consumer);
	lease_set_state(lease, LEASE_GONE);
	TAILQ_REMOVE(&consumer->leases, lease, next);
	consumer->intake->held_count--;
	consumer->intake->held_bytes -= lease->content->body_len;
	consumer->held_bytes -= lease->content->body_len;
	lease->consumer = NULL;
	note_change(consumer);
}

void lease_acked(struct amqp_lease *lease)
{
	struct amqp_consumer *consumer = lease->consumer;
	if (consumer->ack_count == consumer->ack_capacity) {
		consumer->ack_capacity =
			consumer->ack_capacity > 0 ? consumer->ack_capacity * 2 : 64;
		consumer->acks =
			memory_grow(consumer->acks, consumer->ack_capacity, sizeof *consumer->acks);
	}
	consumer->acks[consumer->ack_count++] = lease->content->delivery_tag;
	detach(lease);
	lease_free(lease);
}

/* Sent at once, before the acks of this turn, so that "all up to here" never covers it. */
void lease_give_back(struct amqp_lease *lease)
{
	amqp_basic_nack_t nack = {.delivery_tag = lease->content->delivery_tag, .requeue = true};
	channel_send(lease->consumer->channel, AMQP_BASIC_NACK_METHOD, &nack);
	detach(lease);
	lease_free(lease);
}

static void send_ack(struct amqp_consumer *consumer, uint64_t tag, bool is_multiple)
{
	amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = is_multiple};
	wire_method(connection_out(consumer->intake->connection), channel_number(consumer->channel),
		    AMQP_BASIC_ACK_METHOD, &ack);
	if (connection_out(consumer->intake->connection)->len > 64u << 10)
		connection_flush(consumer->intake->connection);
}

void leases_send_acks(struct amqp_consumer *consumer)
{
	const struct amqp_lease *first = TAILQ_FIRST(&consumer->leases);
	uint64_t all_below = first ? first->content->delivery_tag : UINT64_MAX;
	uint64_t upto = 0;
	for (size_t i = 0; i < consumer->ack_count; i++) {
		if (consumer->acks[i] > all_below)
			send_ack(consumer, consumer->acks[i], false);
		else if (consumer->acks[i] > upto)
			upto = consumer->acks[i];
	}
	if (upto > 0)
		send_ack(consumer, upto, true);
	consumer->ack_count = 0;
}

void leases_lost(struct amqp_consumer *consumer)
{
	struct amqp_lease *lease;
	while ((lease = TAILQ_FIRST(&consumer->leases))) {
		enum lease_state state = lease->state;
		detach(lease);
		if (state == LEASE_WAITING || state == LEASE_REFUSED)
			lease_free(lease); /* nobody else knows of it */
	}
}

void leases_refused(void *owner)
{
	struct intake *intake = owner;
	struct amqp_consumer *consumer;
	LIST_FOREACH(consumer, &intake->consumers, next)
	{
		struct amqp_lease *lease, *next;
		for (lease = TAILQ_FIRST(&consumer->leases); lease; lease = next) {
			next = TAILQ_NEXT(lease, next);
			if (lease->state != LEASE_REFUSED)
				continue;
			if (consumer->is_foreign)
				successor_release(lease); /* it may have been retried often */
			else
				lease_give_back(lease);
		}
	}
}

void leases_hand_back(struct amqp_consumer *consumer)
{
	struct amqp_lease *lease, *next;
	for (lease = TAILQ_FIRST(&consumer->leases); lease; lease = next) {
		next = TAILQ_NEXT(lease, next);
		if (lease->state == LEASE_WAITING)
			successor_release(lease);
	}
}

/* ---- arriving ---- */

static int64_t left_ms(const struct amqp_lease *lease)
{
	int64_t not_before_wall_ms = lease->content->not_before_wall_ms;
	if (not_before_wall_ms <= 0 || lease->consumer->takes_waiting ||
	    lease->consumer->is_foreign)
		return 0;
	int64_t left = not_before_wall_ms -
		       loop_wall_ms(lease->consumer->intake->loop); /* both positive: no overflow */
	return left > LEASE_EARLY_MS ? left : 0;
}

/* Where a message goes when its wait is over, or was to go when no queue took it: by its header, else by its key. */
static enum exchange exchange_of(const struct amqp_consumer *consumer,
				 const struct content *content)
{
	static const struct {
		const char *queue;
		enum exchange exchange;
	} ways[] = {{QUEUE_SUBMIT_TX, EXCHANGE_SUBMIT},
		    {QUEUE_SUBMIT_BULK, EXCHANGE_SUBMIT},
		    {QUEUE_BOUNCER_RESULTS, EXCHANGE_RESULTS},
		    {QUEUE_BOUNCER_DIRECTIVES, EXCHANGE_INBOUND},
		    {QUEUE_BOUNCER_DSN, EXCHANGE_INBOUND},
		    {QUEUE_BOUNCER_FBL, EXCHANGE_INBOUND},
		    {QUEUE_BOUNCER_UNSUB, EXCHANGE_INBOUND},
		    {QUEUE_BOUNCER_MAIL, EXCHANGE_INBOUND},
		    {QUEUE_BOUNCER_UNKNOWN, EXCHANGE_INBOUND},
		    {QUEUE_BOUNCER_REPORTS, EXCHANGE_INBOUND},
		    {QUEUE_BOUNCER_TLS, EXCHANGE_INBOUND},
		    {QUEUE_BURIED, EXCHANGE_BURIED},
		    {QUEUE_REFUSED, EXCHANGE_REFUSED}};
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(content->queue, ways[i].queue) == 0)
			return ways[i].exchange;
	return consumer->takes_waiting || strchr(content->key, '.') ? EXCHANGE_DELIVER
								    : EXCHANGE_SUBMIT;
}

static struct amqp_lease *lease_new(struct amqp_consumer *consumer, struct content *content)
{
	struct amqp_lease *lease = memory_new(sizeof *lease);
	lease->lease = (struct lease){
		.engine = consumer->intake->engine,
		.body = bytes_from(content->body, content->body_len),
		.key = content->key,
		.message_id = content->message_id,
		.content_type = content->content_type,
		.content_encoding = content->content_encoding,
		.reason = content->reason,
		.is_redelivered = content->is_redelivered,
		.not_before_wall_ms = consumer->takes_waiting ? content->not_before_wall_ms : 0,
		.exchange = exchange_of(consumer, content),
	};
	lease->consumer = consumer;
	lease->content = content;
	lease->state = LEASE_GONE;
	return lease;
}

void leases_due(void *owner)
{
	leases_show(owner);
}

static void show(struct amqp_lease *lease)
{
	struct amqp_consumer *consumer = lease->consumer;
	lease_set_state(lease, LEASE_SHOWN);
	consumer->taken(consumer->owner, &lease->lease);
}

/* The owner may do anything in `taken`, so the search begins anew after each. */
static struct amqp_lease *next_to_show(struct amqp_consumer *consumer, int64_t *ret_left_ms)
{
	struct amqp_lease *lease;
	if (consumer->shown_count >= consumer->prefetch || consumer->is_paused ||
	    consumer->is_freed)
		return NULL;
	TAILQ_FOREACH(lease, &consumer->leases, next)
	{
		if (lease->state != LEASE_WAITING)
			continue;
		int64_t left = left_ms(lease);
		if (left == 0)
			return lease;
		if (*ret_left_ms == 0 || left < *ret_left_ms)
			*ret_left_ms = left;
	}
	return NULL;
}

void leases_show(struct amqp_consumer *consumer)
{
	struct amqp_lease *lease;
	int64_t left = 0;
	consumer->may_show = false;
	while (consumer->waiting_count > 0 && (lease = next_to_show(consumer, &left))) {
		show(lease);
		left = 0;
	}
	if (left > 0)
		timer_start(consumer->due_timer, left);
}

void lease_arrived(struct amqp_consumer *consumer, struct content *content)
{
	struct intake *intake = consumer->intake;
	struct amqp_lease *lease = lease_new(consumer, content);
	TAILQ_INSERT_TAIL(&consumer->leases, lease, next);
	lease_set_state(lease, LEASE_WAITING);
	intake->held_count++;
	intake->held_bytes += content->body_len;
	consumer->held_bytes += content->body_len;
	if (intake->budget_bytes > 0 && intake->held_bytes >= intake->budget_bytes)
		intake_hold(intake);

	int64_t left = left_ms(lease);
	bool is_too_much = consumer->is_full;
	if (!consumer->is_full && consumer->held_bytes >= consumer_part_bytes(consumer))
		consumer_fill(consumer, true);
	if (consumer->is_paused || consumer->is_freed || is_too_much)
		successor_release(lease);
	else if (delay_bucket_s(left) > 0)
		successor_park(lease, left, content->not_before_wall_ms);
	else if (left == 0 && consumer->waiting_count == 1 &&
		 consumer->shown_count < consumer->prefetch)
		show(lease);
	else
		leases_show(consumer);
}

/* ---- settling ---- */

bool amqp_lease_is_lost(const struct lease *opaque)
{
	return ((const struct amqp_lease *)opaque)->consumer == NULL;
}

void amqp_lease_settle(struct lease *opaque, enum settlement how, int64_t delay_ms,
		       const char *reason)
{
	struct amqp_lease *lease = (struct amqp_lease *)opaque;
	if (!lease->consumer) {
		lease_free(lease);
		return;
	}
	assert(lease->state == LEASE_SHOWN);
	int64_t wait_ms = delay_ms > 0 ? delay_ms : 0;
	switch (how) {
	case SETTLE_ACK:
		lease_acked(lease);
		return;
	case SETTLE_RELEASE:
		successor_release(lease);
		return;
	case SETTLE_RETRY:
		if (lease->consumer->is_foreign) {
			successor_hold(lease);
			return;
		}
		successor_park(lease, wait_ms,
			       wait_ms > 0 ? loop_wall_ms(lease->consumer->intake->loop) + wait_ms
					   : 0);
		return;
	case SETTLE_BURY:
		successor_bury(lease, reason ? reason : "");
		return;
	case SETTLE_REFUSE:
		successor_set_aside(lease, EXCHANGE_NAME_REFUSED, reason ? reason : "");
		return;
	}
}
