/* See tables.h.
 *
 *   channel opened -> consume from the offset -> consume-ok -> append the marker
 *   append the marker -> entries ... marker read: caught up -> entries ...
 *   marker not kept -- after a wait --> append it again
 *   marker kept, nothing read for a while --> channel again; from the first entry, when nothing was read at all */
#include "broker/rabbitmq/tables.h"

#include <stdio.h>

#include "broker/rabbitmq/entry.h"
#include "broker/rabbitmq/topology.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

#define EARLIER_COUNT	4096 /* entries read again */
#define PREFETCH	1000
#define ACK_EVERY	250
#define MARKER_AGAIN_MS 200
#define SILENCE_MS	5000 /* the first time, then twice as long each time */
#define SILENCE_MAX_MS	60000
#define AGAIN_MS	1000

struct follower {
	struct table_follower follower; /* first: what callers hold */
	struct tables *tables;
	LIST_ENTRY(follower) next;
	const struct table_handler *handler;
	void *owner;
	struct channel *channel;
	char name[WIRE_SHORT_MAX + 1]; /* of the stream, with the prefix */
	uint64_t position;	       /* to go on from: one past the last entry's offset */
	uint64_t asked_from;	       /* offset of the first entry that was asked for */
	bool is_consuming, is_freed;
	bool is_caught_up;    /* since the channel was opened */
	bool has_read;	      /* anything since then */
	bool has_read_lately; /* since the silence was last looked at */
	bool is_marked;	      /* the marker was kept */
	int64_t silence_ms;
	char mark[ID_SIZE];	/* of our marker */
	size_t pending_markers; /* publications that still point here */
	/* consume again, marker again, or silence: what is due is plain from the state */
	struct timer *timer;
	uint64_t unacked_tag;
	size_t unacked_count;
};

/* ---- the marker ---- */

static void destroy_if_unused(struct follower *follower)
{
	if (!follower->is_freed || follower->pending_markers > 0)
		return;
	free(follower);
}

/* Perhaps the stream does not reach so far any more, or RabbitMQ forgot that we listen. */
static void expect_marker(struct follower *follower)
{
	follower->has_read_lately = false;
	timer_start(follower->timer, follower->silence_ms);
}

static void on_marker_published(void *owner, enum err err)
{
	struct follower *follower = owner;
	follower->pending_markers--;
	follower->is_marked = err == OK;
	if (follower->is_freed)
		destroy_if_unused(follower);
	else if (follower->is_consuming && err)
		timer_start(follower->timer, MARKER_AGAIN_MS);
	else if (follower->is_consuming && !follower->is_caught_up)
		expect_marker(follower);
}

static void publish_entry(struct tables *tables, const char *name, enum entry_kind kind,
			  const struct table_entry *entry, published done, void *owner)
{
	struct buf body;
	buf_init(&body, 2 * ENTRY_MAX + 64);
	enum err err = entry_write(kind, entry, &body);
	const struct outgoing outgoing = {
		.exchange = "",
		.key = name,
		.content_type = "application/octet-stream",
		.head = buf_bytes(&body),
	};
	/* Past PARCEL_MAX the publisher says E_TOO_BIG in our place, and not from inside this call. */
	const struct outgoing too_big = {
		.exchange = "", .key = name, .head = {NULL, SIZE_MAX / 2}, .keeps_head = true};
	publisher_publish(tables->publisher, err ? &too_big : &outgoing, done, owner);
	buf_done(&body);
}

static void append_marker(struct follower *follower)
{
	id_new(loop_wall_ms(follower->tables->loop), follower->mark);
	const struct table_entry entry = {.key = bytes_of(follower->mark)};
	follower->pending_markers++;
	publish_entry(follower->tables, follower->name, ENTRY_MARKER, &entry, on_marker_published,
		      follower);
}

/* ---- reading ---- */

static void consume(struct follower *follower)
{
	uint64_t from = follower->position > EARLIER_COUNT ? follower->position - EARLIER_COUNT : 0;
	follower->is_consuming = true;
	follower->asked_from = from;
	follower->is_caught_up = false;
	follower->has_read = follower->is_marked = false;
	follower->unacked_count = 0;
	amqp_basic_qos_t qos = {.prefetch_count = PREFETCH};
	channel_send(follower->channel, AMQP_BASIC_QOS_METHOD, &qos);
	amqp_table_entry_t offset = from > 0 ? wire_entry_int("x-stream-offset", (int64_t)from)
					     : wire_entry_text("x-stream-offset", "first");
	amqp_basic_consume_t consume = {
		.queue = wire_text(follower->name),
		.consumer_tag = wire_text("leveret"),
		.arguments = {1, &offset},
	};
	channel_send(follower->channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

static void consume_if_allowed(struct follower *follower)
{
	if (follower->tables->is_allowed && !follower->is_consuming &&
	    channel_is_open(follower->channel))
		consume(follower);
}

static void send_ack(struct follower *follower)
{
	amqp_basic_ack_t ack = {.delivery_tag = follower->unacked_tag, .multiple = true};
	channel_send(follower->channel, AMQP_BASIC_ACK_METHOD, &ack);
	follower->unacked_count = 0;
}

/* A stream sends on only while less than the prefetch is unacknowledged; what is acknowledged stays
 * in it all the same. */
static void note_read(struct follower *follower, const struct content *content)
{
	follower->has_read = follower->has_read_lately = true;
	follower->unacked_tag = content->delivery_tag;
	if (++follower->unacked_count >= ACK_EVERY)
		send_ack(follower);
}

/* Between entries offsets are missing here and there, which RabbitMQ uses itself; but where it begins later than it was asked to, it cut. */
static void note_beginning(struct follower *follower, const struct content *content)
{
	uint64_t offset = (uint64_t)content->stream_offset;
	if (content->stream_offset >= 0 && !follower->has_read && offset > follower->asked_from &&
	    follower->handler->begins)
		follower->handler->begins(follower->owner, offset);
}

static void tell(struct follower *follower, enum entry_kind kind, const struct table_entry *entry)
{
	if (kind != ENTRY_MARKER) {
		follower->handler->entry(follower->owner, entry, follower->position);
	} else if (!follower->is_caught_up && bytes_is(entry->key, follower->mark)) {
		follower->is_caught_up = true;
		follower->silence_ms = SILENCE_MS;
		timer_stop(follower->timer);
		follower->handler->caught_up(follower->owner);
	}
}

static void on_content(void *owner, struct content *content)
{
	struct follower *follower = owner;
	enum entry_kind kind;
	struct table_entry entry;
	note_beginning(follower, content);
	note_read(follower, content);
	if (content->stream_offset >= 0)
		follower->position = (uint64_t)content->stream_offset + 1;
	/* What is no entry was written by somebody else. It stays in the stream and does no harm. */
	if (!entry_read(bytes_from(content->body, content->body_len), &kind, &entry))
		tell(follower, kind, &entry);
	free(content);
}

/* ---- the channel ---- */

static void start_again(struct follower *follower, int64_t wait_ms)
{
	follower->is_consuming = false;
	timer_start(follower->timer, wait_ms);
}

static void on_opened(void *owner)
{
	consume_if_allowed(owner);
}

static void on_method(void *owner, const amqp_method_t *method)
{
	struct follower *follower = owner;
	if (method->id == AMQP_BASIC_CONSUME_OK_METHOD) {
		append_marker(follower);
	} else if (method->id == AMQP_BASIC_CANCEL_METHOD) {
		log_event(EV_consumer_cancelled, F_TEXT("queue", follower->name),
			  F_TEXT("reason", "cancelled by the broker"));
		start_again(follower, AGAIN_MS);
		follower->tables->queue_missing(follower->tables->owner);
	}
}

static void on_closed(void *owner, uint16_t code, const char *text)
{
	struct follower *follower = owner;
	follower->is_consuming = false;
	timer_stop(follower->timer);
	if (code == CHANNEL_LOST)
		return;
	log_event(EV_consumer_cancelled, F_TEXT("queue", follower->name), F_TEXT("reason", text));
	start_again(follower, AGAIN_MS);
	if (code == 404)
		follower->tables->queue_missing(follower->tables->owner);
}

static const struct channel_handler channel_handler = {
	.opened = on_opened, .method = on_method, .content = on_content, .closed = on_closed};

static void listen_again(struct follower *follower)
{
	log_event(EV_consumer_cancelled, F_TEXT("queue", follower->name),
		  F_TEXT("reason", "the broker shows nothing of it"));
	if (!follower->has_read)
		follower->position = 0;
	if (follower->silence_ms < SILENCE_MAX_MS)
		follower->silence_ms *= 2;
	follower->is_consuming = false;
	channel_free(&follower->channel);
	follower->channel = channel_new(follower->tables->connection, &channel_handler, follower);
}

static void on_timer(void *owner)
{
	struct follower *follower = owner;
	if (!follower->is_consuming) {
		channel_open(follower->channel);
		consume_if_allowed(follower);
	} else if (follower->is_caught_up) {
		return;
	} else if (!follower->is_marked) {
		append_marker(follower);
	} else if (follower->has_read_lately) {
		expect_marker(follower);
	} else {
		listen_again(follower);
	}
}

/* ---- for the engine ---- */

static void stream_name(const struct tables *tables, const char *table,
			char out[WIRE_SHORT_MAX + 1])
{
	char name[WIRE_SHORT_MAX + 1];
	(void)snprintf(name, sizeof name, TABLE_QUEUE_NAME, table);
	topology_name(tables->settings->prefix, name, out);
}

struct table_follower *tables_follow(struct tables *tables, const char *table, uint64_t position,
				     const struct table_handler *handler, void *owner)
{
	struct follower *follower = memory_new(sizeof *follower);
	follower->follower.engine = tables->engine;
	follower->tables = tables;
	follower->handler = handler;
	follower->owner = owner;
	follower->position = position;
	follower->silence_ms = SILENCE_MS;
	stream_name(tables, table, follower->name);
	follower->timer = timer_new(tables->loop, on_timer, follower);
	LIST_INSERT_HEAD(&tables->followers, follower, next);
	follower->channel = channel_new(tables->connection, &channel_handler, follower);
	return &follower->follower;
}

static void shut(struct follower *follower)
{
	follower->is_consuming = false;
	channel_free(&follower->channel);
	timer_free(&follower->timer);
	LIST_REMOVE(follower, next);
	follower->tables = NULL;
}

void tables_follower_free(struct table_follower *opaque)
{
	struct follower *follower = (struct follower *)opaque;
	if (follower->tables)
		shut(follower);
	follower->is_freed = true;
	destroy_if_unused(follower);
}

void tables_append(struct tables *tables, const char *table, const struct table_entry *entry,
		   published done, void *owner)
{
	char name[WIRE_SHORT_MAX + 1];
	stream_name(tables, table, name);
	publish_entry(tables, name, entry->value.len > 0 ? ENTRY_SET : ENTRY_REMOVED, entry, done,
		      owner);
}

void tables_allow(struct tables *tables, bool is_allowed)
{
	struct follower *follower;
	tables->is_allowed = is_allowed;
	LIST_FOREACH(follower, &tables->followers, next)
	consume_if_allowed(follower);
}

void tables_done(struct tables *tables)
{
	while (!LIST_EMPTY(&tables->followers))
		shut(LIST_FIRST(&tables->followers)); /* its holder frees it, now or later */
}
