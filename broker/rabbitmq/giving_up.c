/* Publications that are given up: too large, lost with the channel, cancelled, or late. */
#include <string.h>

#include "broker/rabbitmq/publisher_inner.h"

/* ---- all of them ---- */

/* RabbitMQ closes the channel over a message that is larger than its max_message_size, and says so
 * only in words. */
void giving_up_too_big(struct publisher *publisher, uint16_t code, const char *text)
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

void giving_up_sent(struct publisher *publisher, enum err err)
{
	if (!STAILQ_EMPTY(&publisher->queue) && STAILQ_FIRST(&publisher->queue)->tag != 0)
		publisher_remove_first(publisher); /* half written: it is in the ring too */
	RING_FOREACH(tag, &publisher->ring)
	{
		struct parcel *parcel = *ring_slot(&publisher->ring, tag);
		*ring_slot(&publisher->ring, tag) = NULL;
		if (parcel)
			publisher_finish_later(publisher, parcel, parcel->err ? parcel->err : err);
	}
	ring_skip_settled(&publisher->ring);
}

void giving_up_waiting(struct publisher *publisher, enum err err)
{
	struct parcel *parcel, *begun = NULL;
	while ((parcel = STAILQ_FIRST(&publisher->queue))) {
		publisher_remove_first(publisher);
		if (parcel->tag != 0)
			begun = parcel;
		else
			publisher_finish_later(publisher, parcel, err);
	}
	if (begun) { /* must be written to its end */
		STAILQ_INSERT_HEAD(&publisher->queue, begun, next);
		publisher->queue_bytes += begun->size;
	}
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
		publisher_tell(publisher, parcel, E_TIMEOUT);
		if (is_written)
			publisher_forget_if_told(publisher, parcel);
	}
}

void giving_up_late(void *owner)
{
	struct publisher *publisher = owner;
	int64_t now_ms = loop_now_ms(publisher->loop);
	time_out_sent(publisher, now_ms);
	if (queue_deadline(publisher) <= now_ms)
		giving_up_waiting(publisher, E_TIMEOUT);
	ring_skip_settled(&publisher->ring);
	watch_deadlines(publisher);
}
