/* See channel.h.
 *
 *   SHUT -> OPENING -> OPEN -> (freed: CLOSING ->) gone
 *   OPENING, OPEN -- channel.close --> SHUT, told with its code
 *   any -- connection lost --> SHUT, told with CHANNEL_LOST
 *
 * A message is a method, a header with its size, and body frames until the size is reached. The
 * body is allocated once, when its size is known. */
#include "broker/rabbitmq/channel.h"

#include <assert.h>
#include <inttypes.h>

#include "broker/rabbitmq/original.h"
#include "lib/base/memory.h"

enum state { SHUT, OPENING, OPEN, CLOSING };

struct channel {
	struct connection *connection;
	const struct channel_handler *handler; /* NULL: freed by its owner, waiting for close-ok */
	void *owner;
	uint16_t number;
	enum state state;

	/* The message being put together. */
	enum { NO_CONTENT, WANT_HEADER, WANT_BODY } awaited;
	struct content arriving;      /* the method's part, until the header comes */
	char key[WIRE_SHORT_MAX + 1]; /* its routing key */
	struct content
		*content; /* from the header on; NULL for a returned one, whose body is not kept */
	uint64_t body_left;
};

/* ---- life ---- */

static void send_open(struct channel *channel)
{
	amqp_channel_open_t open = {0};
	channel->state = OPENING;
	connection_send(channel->connection, channel->number, AMQP_CHANNEL_OPEN_METHOD, &open);
}

struct channel *channel_new(struct connection *connection, const struct channel_handler *handler,
			    void *owner)
{
	struct channel *channel = memory_new(sizeof *channel);
	channel->connection = connection;
	channel->handler = handler;
	channel->owner = owner;
	channel->number = connection_attach(connection, channel);
	channel_open(channel);
	return channel;
}

void channel_open(struct channel *channel)
{
	if (channel->state == SHUT && connection_is_open(channel->connection))
		send_open(channel);
}

static void forget_content(struct channel *channel)
{
	free(channel->content);
	channel->content = NULL;
	channel->awaited = NO_CONTENT;
}

static void destroy(struct channel *channel)
{
	connection_detach(channel->connection, channel->number);
	forget_content(channel);
	free(channel);
}

void channel_free(struct channel **channel)
{
	struct channel *old = *channel;
	*channel = NULL;
	if (!old)
		return;
	old->handler = NULL;
	if (old->state == SHUT || !connection_is_open(old->connection)) {
		destroy(old);
		return;
	}
	/* Its number may be used again only after the broker has let go of it. */
	amqp_channel_close_t close = {.reply_code = 200, .reply_text = wire_text("bye")};
	old->state = CLOSING;
	connection_send(old->connection, old->number, AMQP_CHANNEL_CLOSE_METHOD, &close);
}

bool channel_is_open(const struct channel *channel)
{
	return channel->state == OPEN && connection_is_open(channel->connection);
}

uint16_t channel_number(const struct channel *channel)
{
	return channel->number;
}

struct connection *channel_connection(const struct channel *channel)
{
	return channel->connection;
}

void channel_send(struct channel *channel, amqp_method_number_t id, void *method)
{
	assert(channel->state == OPEN);
	connection_send(channel->connection, channel->number, id, method);
}

void channel_on_connection_opened(struct channel *channel)
{
	send_open(channel);
}

void channel_on_connection_lost(struct channel *channel)
{
	bool was_known = channel->state != SHUT;
	channel->state = SHUT;
	forget_content(channel);
	if (!channel->handler)
		destroy(channel);
	else if (was_known)
		channel->handler->closed(channel->owner, CHANNEL_LOST,
					 "the connection to the broker is lost");
}

/* ---- messages ---- */

static void on_deliver(struct channel *channel, const amqp_basic_deliver_t *deliver)
{
	channel->arriving = (struct content){
		.is_redelivered = deliver->redelivered,
		.delivery_tag = deliver->delivery_tag,
	};
	wire_copy_short(deliver->routing_key, channel->key);
	channel->awaited = WANT_HEADER;
}

static void on_return(struct channel *channel, const amqp_basic_return_t *returned)
{
	channel->arriving = (struct content){.is_returned = true};
	wire_copy_short(returned->routing_key, channel->key);
	channel->awaited = WANT_HEADER;
}

static struct bytes property(const amqp_basic_properties_t *properties, amqp_flags_t flag,
			     amqp_bytes_t value)
{
	return properties->_flags & flag ? wire_bytes(value) : BYTES_NONE;
}

static struct bytes header_text(const amqp_table_t *headers, const char *name)
{
	struct bytes text = BYTES_NONE;
	(void)wire_value_text(wire_find(headers, name), &text);
	return text;
}

/* The broker's own word for why it dead-lettered a message, when nobody gave a better reason. */
static struct bytes death_reason(const amqp_table_t *headers)
{
	const amqp_field_value_t *deaths = wire_find(headers, "x-death");
	if (!deaths || deaths->kind != AMQP_FIELD_KIND_ARRAY || deaths->value.array.num_entries < 1)
		return BYTES_NONE;
	const amqp_field_value_t *last = &deaths->value.array.entries[0];
	return last->kind == AMQP_FIELD_KIND_TABLE ? header_text(&last->value.table, "reason")
						   : BYTES_NONE;
}

/* Copies text behind the struct and moves `place` on. */
static const char *keep(struct bytes text, char **place)
{
	char *at = *place;
	if (text.len > 0)
		memcpy(at, text.data, text.len);
	at[text.len] = '\0';
	*place += text.len + 1;
	return at;
}

static struct content *content_new(const struct content *arriving, const char *key,
				   const amqp_basic_properties_t *properties, size_t body_len)
{
	static const amqp_table_t no_headers;
	const amqp_table_t *headers =
		properties->_flags & AMQP_BASIC_HEADERS_FLAG ? &properties->headers : &no_headers;
	struct bytes reason = header_text(headers, HEADER_REASON);
	struct bytes tag = header_text(headers, HEADER_TAG);
	uint8_t original[ORIGINAL_MAX];
	size_t original_len = original_keep(properties, original);
	struct bytes texts[] = {
		bytes_of(key),
		property(properties, AMQP_BASIC_MESSAGE_ID_FLAG, properties->message_id),
		property(properties, AMQP_BASIC_CONTENT_TYPE_FLAG, properties->content_type),
		property(properties, AMQP_BASIC_CONTENT_ENCODING_FLAG,
			 properties->content_encoding),
		tag.len > 0 ? tag
			    : property(properties, AMQP_BASIC_CORRELATION_ID_FLAG,
				       properties->correlation_id),
		reason.len > 0 ? reason : death_reason(headers),
		header_text(headers, HEADER_QUEUE),
		property(properties, AMQP_BASIC_REPLY_TO_FLAG, properties->reply_to),
	};
	size_t size = sizeof(struct content) + body_len + original_len;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		size += texts[i].len + 1;

	struct content *content = memory_grow(NULL, size, 1); /* not zeroed: mostly body */
	char *place = (char *)(content + 1);
	*content = *arriving;
	content->key = keep(texts[0], &place);
	content->message_id = keep(texts[1], &place);
	content->content_type = keep(texts[2], &place);
	content->content_encoding = keep(texts[3], &place);
	content->correlation_id = keep(texts[4], &place);
	content->reason = keep(texts[5], &place);
	content->queue = keep(texts[6], &place);
	content->reply_to = keep(texts[7], &place);
	memcpy(place, original, original_len);
	content->original = bytes_from(place, original_len);
	place += original_len;
	content->stream_offset = -1;
	(void)wire_value_int(wire_find(headers, HEADER_NOT_BEFORE), &content->not_before_wall_ms);
	(void)wire_value_int(wire_find(headers, "x-delivery-count"), &content->delivery_count);
	(void)wire_value_int(wire_find(headers, "x-stream-offset"), &content->stream_offset);
	content->body = (uint8_t *)place;
	content->body_len = 0;
	return content;
}

static enum err on_header(struct channel *channel, const struct wire_frame *frame, struct why *why)
{
	if (channel->awaited != WANT_HEADER)
		return fail(why, E_MALFORMED, "a content header without its method");
	if (frame->body_size > CHANNEL_BODY_MAX)
		return fail(why, E_MALFORMED, "a body of %" PRIu64 " bytes", frame->body_size);
	/* Who gets a message back has it already: its body is counted and dropped. */
	size_t kept = channel->arriving.is_returned ? 0 : (size_t)frame->body_size;
	channel->content = content_new(&channel->arriving, channel->key, frame->properties, kept);
	channel->body_left = frame->body_size;
	channel->awaited = WANT_BODY;
	return OK;
}

/* Nothing of the channel may be touched after its upcall: the owner may have freed it. */
static void finish_content(struct channel *channel)
{
	struct content *content = channel->content;
	channel->content = NULL;
	channel->awaited = NO_CONTENT;
	channel->handler->content(channel->owner, content);
}

static enum err on_body(struct channel *channel, struct bytes body, struct why *why)
{
	if (channel->awaited != WANT_BODY || body.len > channel->body_left)
		return fail(why, E_MALFORMED, "more body than was announced");
	struct content *content = channel->content;
	if (!content->is_returned && body.len > 0) {
		memcpy(content->body + content->body_len, body.data, body.len);
		content->body_len += body.len;
	}
	channel->body_left -= body.len;
	return OK;
}

/* ---- methods ---- */

static void on_closed_by_broker(struct channel *channel, const amqp_channel_close_t *close)
{
	amqp_channel_close_ok_t ok = {0};
	connection_send(channel->connection, channel->number, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
	char text[WIRE_SHORT_MAX + 1];
	wire_copy_short(close->reply_text, text);
	channel->state = SHUT;
	forget_content(channel);
	channel->handler->closed(channel->owner, close->reply_code, text);
}

/* The owner freed it: whatever was on its way here is of no interest. */
static void on_frame_when_closing(struct channel *channel, const struct wire_frame *frame)
{
	if (frame->type != WIRE_METHOD)
		return;
	if (frame->method.id == AMQP_CHANNEL_CLOSE_METHOD) {
		/* Both sides closed at once: answer theirs; ours is answered too (RabbitMQ does). */
		amqp_channel_close_ok_t ok = {0};
		connection_send(channel->connection, channel->number, AMQP_CHANNEL_CLOSE_OK_METHOD,
				&ok);
	} else if (frame->method.id == AMQP_CHANNEL_CLOSE_OK_METHOD) {
		destroy(channel);
	}
}

static enum err on_method(struct channel *channel, const amqp_method_t *method, struct why *why)
{
	if (channel->awaited != NO_CONTENT)
		return fail(why, E_MALFORMED, "a method in the middle of a message");
	switch (method->id) {
	case AMQP_CHANNEL_OPEN_OK_METHOD:
		if (channel->state != OPENING)
			return fail(why, E_MALFORMED, "a channel was opened twice");
		channel->state = OPEN;
		channel->handler->opened(channel->owner);
		return OK;
	case AMQP_CHANNEL_CLOSE_METHOD:
		on_closed_by_broker(channel, method->decoded);
		return OK;
	case AMQP_CHANNEL_FLOW_METHOD: { /* RabbitMQ never sends it; the protocol wants an answer */
		amqp_channel_flow_ok_t ok = {
			.active = ((amqp_channel_flow_t *)method->decoded)->active};
		connection_send(channel->connection, channel->number, AMQP_CHANNEL_FLOW_OK_METHOD,
				&ok);
		return OK;
	}
	case AMQP_BASIC_DELIVER_METHOD:
		on_deliver(channel, method->decoded);
		return OK;
	case AMQP_BASIC_RETURN_METHOD:
		on_return(channel, method->decoded);
		return OK;
	default:
		channel->handler->method(channel->owner, method);
		return OK;
	}
}

enum err channel_on_frame(struct channel *channel, const struct wire_frame *frame, struct why *why)
{
	if (channel->state == CLOSING) {
		on_frame_when_closing(channel, frame);
		return OK;
	}
	if (channel->state == SHUT)
		return fail(why, E_MALFORMED, "a frame on a channel that is not open");
	if (frame->type == WIRE_METHOD)
		return on_method(channel, &frame->method, why);

	enum err err = frame->type == WIRE_CONTENT ? on_header(channel, frame, why)
						   : on_body(channel, frame->body, why);
	if (!err && channel->awaited == WANT_BODY && channel->body_left == 0)
		finish_content(channel);
	return err;
}
