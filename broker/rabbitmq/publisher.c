/* See publisher.h.
 *
 *   waiting (queue) -> sent (ring, by delivery tag) -> acked, nacked, returned and acked,
 *                                                      timed out, or lost
 *
 * The first of the queue may be half written. One whose owner was told (timeout) goes on to its end
 * all the same: the protocol knows no way to break a body off but closing the channel, which would
 * take the neighbours along. */
#include "broker/rabbitmq/publisher.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "broker/rabbitmq/ring.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/obs/metrics.h"

#define COMPANY_BYTES	  (64u << 10)  /* so much waiting is sent without waiting for more */
#define OUTPUT_HIGH_BYTES (512u << 10) /* so much in the stream is enough until it drains */

struct publisher {
	struct loop *loop;
	const struct broker_settings *settings;
	const struct publisher_handler *handler;
	void *owner;
	struct connection *connection;
	struct channel *channel;
	bool is_confirming; /* confirm.select was answered */
	bool is_allowed;
	bool is_blocked;

	struct parcel_list queue; /* not wholly written */
	uint64_t queue_bytes;
	int64_t moved_at_ms; /* of the queue: it began, or the stream took something from it */
	struct ring ring;    /* sent */
	size_t sent_count;   /* in the ring, not settled */
	struct parcel_list finished; /* to be told at the end of the turn */

	bool must_flush; /* a confirm came: company has waited enough */
	struct task flush_task, finish_task;
	struct timer *company_timer, *deadline_timer;
	uint64_t unconfirmed_bytes;
	size_t unconfirmed_count;
};

/* ---- telling owners ---- */

/* What the owner hears is said once; the parcel may live on until it is written and out of the
 * ring. */
static void tell(struct publisher *publisher, struct parcel *parcel, enum err err)
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

static void finish_later(struct publisher *publisher, struct parcel *parcel, enum err err)
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
		tell(publisher, parcel, parcel->err);
		parcel_free(&parcel);
	}
}

/* ---- sending ---- */

static bool is_sending_allowed(const struct publisher *publisher)
{
	return publisher->is_confirming && !publisher->is_blocked &&
	       channel_is_open(publisher->channel);
}

static void remove_first(struct publisher *publisher)
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

/* A parcel told early leaves nothing in the ring once it is written. */
static void forget_if_told(struct publisher *publisher, struct parcel *parcel)
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
		remove_first(publisher);
		forget_if_told(publisher, parcel);
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
	tell(publisher, parcel, err ? err : parcel->err);
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

/* RabbitMQ closes the channel over a message that is larger than its max_message_size, and says so
 * only in words. */
static void mark_too_big(struct publisher *publisher, uint16_t code, const char *text)
{
	struct parcel *largest = NULL;
	if (code != 406 || !strstr(text, "larger than"))
		return;
	RING_FOREACH(tag, &publisher->ring)
	{
		struct parcel *parcel = *ring_slot(&publisher->ring, tag);
		if (parcel && (!largest || parcel->size > largest->size))
			largest = parcel;
	}
	if (largest)
		largest->err = E_TOO_BIG;
}

/* What was begun may have been kept (E_CLOSED), unless something more exact is known of it. */
static void give_up_sent(struct publisher *publisher, enum err err)
{
	if (!STAILQ_EMPTY(&publisher->queue) && STAILQ_FIRST(&publisher->queue)->tag != 0)
		remove_first(publisher); /* half written: it is in the ring too */
	RING_FOREACH(tag, &publisher->ring)
	{
		struct parcel *parcel = *ring_slot(&publisher->ring, tag);
		*ring_slot(&publisher->ring, tag) = NULL;
		if (parcel)
			finish_later(publisher, parcel, parcel->err ? parcel->err : err);
	}
	ring_skip_settled(&publisher->ring);
}

static void give_up_waiting(struct publisher *publisher, enum err err)
{
	struct parcel *parcel, *begun = NULL;
	while ((parcel = STAILQ_FIRST(&publisher->queue))) {
		remove_first(publisher);
		if (parcel->tag != 0)
			begun = parcel;
		else
			finish_later(publisher, parcel, err);
	}
	if (begun) { /* must be written to its end */
		STAILQ_INSERT_HEAD(&publisher->queue, begun, next);
		publisher->queue_bytes += begun->size;
	}
}

static void on_closed(void *owner, uint16_t code, const char *text)
{
	struct publisher *publisher = owner;
	bool was_ready = publisher->is_confirming;
	publisher->is_confirming = false;
	publisher->is_blocked = publisher->is_blocked && code != CHANNEL_LOST;
	mark_too_big(publisher, code, text);
	give_up_sent(publisher, E_CLOSED);
	give_up_waiting(publisher, E_AWAY);
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
		give_up_waiting(publisher, E_BLOCKED);
	else
		publisher_drained(publisher);
}

/* ---- deadlines ---- */

/* A deadline runs from the sending, so that those behind a large batch are not late before they are sent. What waits fails together,
 * when the stream takes nothing for as long. So deadlines rise with the tag, and the queue's comes last. */
static int64_t queue_deadline(const struct publisher *publisher)
{
	return publisher->moved_at_ms + publisher->settings->publish_timeout;
}

static int64_t first_deadline(struct publisher *publisher)
{
	RING_FOREACH(tag, &publisher->ring)
	{
		struct parcel *parcel = *ring_slot(&publisher->ring, tag);
		if (parcel && parcel->done)
			return parcel->deadline_at_ms;
	}
	const struct parcel *parcel = STAILQ_FIRST(&publisher->queue);
	if (parcel && parcel->tag != 0)
		parcel = STAILQ_NEXT(parcel, next);
	return parcel ? queue_deadline(publisher) : -1;
}

static void watch_deadlines(struct publisher *publisher)
{
	int64_t at_ms = first_deadline(publisher);
	int64_t left_ms = at_ms - loop_now_ms(publisher->loop);
	if (at_ms >= 0)
		timer_start(publisher->deadline_timer, left_ms > 1 ? left_ms : 1);
}

static void time_out_sent(struct publisher *publisher, int64_t now_ms)
{
	RING_FOREACH(tag, &publisher->ring)
	{
		struct parcel *parcel = *ring_slot(&publisher->ring, tag);
		if (!parcel || !parcel->done)
			continue;
		if (parcel->deadline_at_ms > now_ms)
			return;
		bool is_written = parcel_is_written(parcel);
		tell(publisher, parcel, E_TIMEOUT);
		if (is_written)
			forget_if_told(publisher, parcel);
	}
}

static void on_deadline(void *owner)
{
	struct publisher *publisher = owner;
	int64_t now_ms = loop_now_ms(publisher->loop);
	time_out_sent(publisher, now_ms);
	if (queue_deadline(publisher) <= now_ms)
		give_up_waiting(publisher, E_TIMEOUT);
	ring_skip_settled(&publisher->ring);
	watch_deadlines(publisher);
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
		finish_later(publisher, parcel, err);
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
	publisher->deadline_timer = timer_new(loop, on_deadline, publisher);
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
	give_up_sent(old, E_CANCELLED);
	give_up_waiting(old, E_CANCELLED);
	on_finish(old);
	task_cancel(&old->finish_task, old->loop);
	task_cancel(&old->flush_task, old->loop);
	timer_free(&old->company_timer);
	timer_free(&old->deadline_timer);
	ring_done(&old->ring);
	free(old);
}
