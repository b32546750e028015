/* See publisher.h.
 *
 *   waiting (queue) -> sent (ring, by delivery tag) -> acked, nacked, returned and acked,
 *                                                      timed out, or lost
 *
 * The first of the queue may be half written. One whose owner was told (timeout) goes on to its end
 * all the same: the protocol knows no way to break a body off but closing the channel, which would
 * take the neighbours along. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "broker/rabbitmq/publisher_inner.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/obs/metrics.h"

#define COMPANY_BYTES	  (64u << 10)  /* so much waiting is sent without waiting for more */
#define OUTPUT_HIGH_BYTES (512u << 10) /* so much in the stream is enough until it drains */

/* ---- telling owners ---- */

void publisher_tell(struct publisher *publisher, struct parcel *parcel, enum err err)
{
	published done = parcel->done;
	if (!done)
		return;
	parcel->done = NULL;
	publisher->unconfirmed_bytes -= parcel->size;
	publisher->unconfirmed_count--;
	metric_add(M_publications_unconfirmed, NULL, -1);
	if (parcel->tag != 0)
		publisher->sent_count--;
	if (!err)
		metric_observe_ms(M_publish_confirm_seconds, NULL,
				  loop_now_ms(publisher->loop) - parcel->queued_at_ms);
	done(parcel->owner, err);
}

void publisher_finish_later(struct publisher *publisher, struct parcel *parcel, enum err err)
{
	parcel->err = err;
	STAILQ_INSERT_TAIL(&publisher->finished, parcel, next);
	loop_defer(publisher->loop, &publisher->finish_task);
}

static void on_finish(void *owner)
{
	struct publisher *publisher = owner;
	struct parcel *parcel;
	while ((parcel = STAILQ_FIRST(&publisher->finished))) {
		STAILQ_REMOVE_HEAD(&publisher->finished, next);
		publisher_tell(publisher, parcel, parcel->err);
		parcel_free(&parcel);
	}
}

/* ---- sending ---- */

static bool is_sending_allowed(const struct publisher *publisher)
{
	return publisher->is_confirming && !publisher->is_blocked &&
	       channel_is_open(publisher->channel);
}

void publisher_remove_first(struct publisher *publisher)
{
	struct parcel *parcel = STAILQ_FIRST(&publisher->queue);
	STAILQ_REMOVE_HEAD(&publisher->queue, next);
	publisher->queue_bytes -= parcel->size;
}

static bool flush_when_long(struct publisher *publisher)
{
	if (connection_out(publisher->connection)->len < COMPANY_BYTES)
		return false;
	connection_flush(publisher->connection);
	return true;
}

/* Writes as much of the first parcel as the stream should hold now. False: no more for now. */
static bool send_some(struct publisher *publisher, struct parcel *parcel)
{
	struct buf *out = connection_out(publisher->connection);
	uint16_t channel = channel_number(publisher->channel);
	publisher->moved_at_ms = loop_now_ms(publisher->loop);
	if (parcel->tag == 0) {
		parcel->deadline_at_ms =
			publisher->moved_at_ms + publisher->settings->publish_timeout;
		ring_add(&publisher->ring, parcel);
		publisher->sent_count++;
		parcel_write_head(parcel, out, channel);
	}
	while (!parcel_is_written(parcel)) {
		struct why why;
		enum err err = parcel_write_body(parcel, out, channel,
						 connection_frame_max(publisher->connection), &why);
		if (err) {
			parcel->err = err;
			connection_fail(publisher->connection, err, &why);
			return false;
		}
		if (flush_when_long(publisher) &&
		    connection_unsent(publisher->connection) >= OUTPUT_HIGH_BYTES)
			break;
	}
	(void)flush_when_long(publisher); /* empty bodies too add up */
	return parcel_is_written(parcel);
}

void publisher_forget_if_told(struct publisher *publisher, struct parcel *parcel)
{
	if (parcel->done)
		return;
	*ring_slot(&publisher->ring, parcel->tag) = NULL;
	parcel_free(&parcel);
}

static void pump(struct publisher *publisher)
{
	struct parcel *parcel;
	publisher->must_flush = false;
	timer_stop(publisher->company_timer);
	while ((parcel = STAILQ_FIRST(&publisher->queue)) && is_sending_allowed(publisher) &&
	       connection_unsent(publisher->connection) < OUTPUT_HIGH_BYTES) {
		if (!send_some(publisher, parcel))
			break;
		publisher_remove_first(publisher);
		publisher_forget_if_told(publisher, parcel);
	}
	connection_flush(publisher->connection);
}

static void on_flush(void *owner)
{
	struct publisher *publisher = owner;
	struct parcel *first = STAILQ_FIRST(&publisher->queue);
	if (!first)
		return;
	if (publisher->must_flush || first->tag != 0 || publisher->sent_count == 0 ||
	    publisher->queue_bytes >= COMPANY_BYTES || publisher->settings->coalesce == 0)
		pump(publisher);
	else if (!timer_is_running(publisher->company_timer))
		timer_start(publisher->company_timer, publisher->settings->coalesce);
}

static void on_company(void *owner)
{
	pump(owner);
}

void publisher_drained(struct publisher *publisher)
{
	if (!STAILQ_EMPTY(&publisher->queue))
		pump(publisher);
}

/* ---- confirms ---- */

static void settle_one(struct publisher *publisher, uint64_t tag, enum err err)
{
	struct parcel *parcel = *ring_slot(&publisher->ring, tag);
	if (!parcel || !parcel_is_written(parcel))
		return; /* settled before; or a broker that answers before it was asked */
	*ring_slot(&publisher->ring, tag) = NULL;
	publisher_tell(publisher, parcel, err ? err : parcel->err);
	parcel_free(&parcel);
}

static void on_confirm(struct publisher *publisher, uint64_t tag, bool is_multiple, enum err err)
{
	if (!ring_has(&publisher->ring, tag)) {
		if (!is_multiple || tag != 0)
			return;
		tag = publisher->ring.next_tag - 1; /* 0 with multiple: all so far */
	}
	for (uint64_t t = is_multiple ? publisher->ring.oldest_tag : tag; t <= tag; t++)
		settle_one(publisher, t, err);
	ring_skip_settled(&publisher->ring);
	publisher->must_flush = true;
	loop_defer(publisher->loop, &publisher->flush_task);
}

static void on_method(void *owner, const amqp_method_t *method)
{
	struct publisher *publisher = owner;
	if (method->id == AMQP_BASIC_ACK_METHOD) {
		const amqp_basic_ack_t *ack = method->decoded;
		on_confirm(publisher, ack->delivery_tag, ack->multiple, OK);
	} else if (method->id == AMQP_BASIC_NACK_METHOD) {
		const amqp_basic_nack_t *nack = method->decoded;
		on_confirm(publisher, nack->delivery_tag, nack->multiple, E_FULL);
	} else if (method->id == AMQP_CONFIRM_SELECT_OK_METHOD) {
		publisher->is_confirming = true;
		publisher->handler->ready_changed(publisher->owner);
	}
}

/* The only messages that arrive here are our own, which no queue took. */
static void on_content(void *owner, struct content *content)
{
	struct publisher *publisher = owner;
	uint64_t tag;
	if (bytes_to_u64(bytes_of(content->correlation_id), UINT64_MAX, &tag) &&
	    ring_has(&publisher->ring, tag) && *ring_slot(&publisher->ring, tag))
		(*ring_slot(&publisher->ring, tag))->err = E_UNROUTABLE;
	free(content);
}

/* ---- the channel ---- */

static void on_opened(void *owner)
{
	struct publisher *publisher = owner;
	amqp_confirm_select_t select = {0};
	ring_restart(&publisher->ring);
	channel_send(publisher->channel, AMQP_CONFIRM_SELECT_METHOD, &select);
}

static void on_closed(void *owner, uint16_t code, const char *text)
{
	struct publisher *publisher = owner;
	bool was_ready = publisher->is_confirming;
	publisher->is_confirming = false;
	publisher->is_blocked = publisher->is_blocked && code != CHANNEL_LOST;
	giving_up_too_big(publisher, code, text);
	giving_up_sent(publisher, E_CLOSED);
	giving_up_waiting(publisher, E_AWAY);
	if (was_ready)
		publisher->handler->ready_changed(publisher->owner);
	if (code != CHANNEL_LOST)
		publisher->handler->broken(publisher->owner, code, text);
}

void publisher_reopen(struct publisher *publisher)
{
	channel_open(publisher->channel);
}

void publisher_allow(struct publisher *publisher, bool is_allowed)
{
	publisher->is_allowed = is_allowed;
}

bool publisher_is_ready(const struct publisher *publisher)
{
	return publisher->is_confirming;
}

void publisher_block(struct publisher *publisher, bool is_blocked)
{
	publisher->is_blocked = is_blocked;
	if (is_blocked)
		giving_up_waiting(publisher, E_BLOCKED);
	else
		publisher_drained(publisher);
}

/* ---- for the engine ---- */

void publisher_publish(struct publisher *publisher, const struct outgoing *outgoing, published done,
		       void *owner)
{
	const struct outgoing too_big = {.exchange = "", .key = ""};
	enum err err = parcel_check(outgoing);
	struct parcel *parcel =
		parcel_new(err ? &too_big : outgoing, loop_now_ms(publisher->loop),
			   loop_wall_ms(publisher->loop), publisher->settings->publish_timeout);
	parcel->done = done;
	parcel->owner = owner;
	publisher->unconfirmed_bytes += parcel->size;
	publisher->unconfirmed_count++;
	metric_add(M_publications_unconfirmed, NULL, 1);
	if (!err && (!publisher->is_confirming || !publisher->is_allowed))
		err = E_AWAY;
	else if (!err && publisher->is_blocked)
		err = E_BLOCKED;
	if (err) {
		publisher_finish_later(publisher, parcel, err);
		return;
	}
	if (STAILQ_EMPTY(&publisher->queue))
		publisher->moved_at_ms = loop_now_ms(publisher->loop);
	STAILQ_INSERT_TAIL(&publisher->queue, parcel, next);
	publisher->queue_bytes += parcel->size;
	loop_defer(publisher->loop, &publisher->flush_task);
	if (!timer_is_running(publisher->deadline_timer))
		timer_start(publisher->deadline_timer, publisher->settings->publish_timeout);
}

uint64_t publisher_unconfirmed_bytes(const struct publisher *publisher)
{
	return publisher->unconfirmed_bytes;
}

size_t publisher_unconfirmed_count(const struct publisher *publisher)
{
	return publisher->unconfirmed_count;
}

void publisher_key(const char *key, char out[WIRE_SHORT_MAX + 1])
{
	size_t len = strlen(key);
	if (len <= WIRE_SHORT_MAX) {
		memcpy(out, key, len + 1);
		return;
	}
	uint64_t hash = hash_bytes(HASH_START, bytes_from(key, len));
	(void)snprintf(out, WIRE_SHORT_MAX + 1, "%.*s~%016" PRIx64, WIRE_SHORT_MAX - 17, key, hash);
}

struct publisher *publisher_new(struct loop *loop, struct connection *connection,
				const struct broker_settings *settings,
				const struct publisher_handler *handler, void *owner)
{
	static const struct channel_handler channel_handler = {.opened = on_opened,
							       .method = on_method,
							       .content = on_content,
							       .closed = on_closed};
	struct publisher *publisher = memory_new(sizeof *publisher);
	publisher->loop = loop;
	publisher->settings = settings;
	publisher->handler = handler;
	publisher->owner = owner;
	publisher->connection = connection;
	STAILQ_INIT(&publisher->queue);
	STAILQ_INIT(&publisher->finished);
	publisher->flush_task = (struct task){.run = on_flush, .owner = publisher};
	publisher->finish_task = (struct task){.run = on_finish, .owner = publisher};
	publisher->company_timer = timer_new(loop, on_company, publisher);
	publisher->deadline_timer = timer_new(loop, giving_up_late, publisher);
	ring_init(&publisher->ring);
	publisher->channel = channel_new(connection, &channel_handler, publisher);
	return publisher;
}

void publisher_free(struct publisher **publisher)
{
	struct publisher *old = *publisher;
	*publisher = NULL;
	if (!old)
		return;
	old->is_confirming = false;
	channel_free(&old->channel);
	giving_up_sent(old, E_CANCELLED);
	giving_up_waiting(old, E_CANCELLED);
	on_finish(old);
	task_cancel(&old->finish_task, old->loop);
	task_cancel(&old->flush_task, old->loop);
	timer_free(&old->company_timer);
	timer_free(&old->deadline_timer);
	ring_done(&old->ring);
	free(old);
}
