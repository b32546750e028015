/* See parcel.h. One allocation holds the struct, its texts and the copied head. */
#include "broker/rabbitmq/parcel.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/rabbitmq/original.h"
#include "lib/base/memory.h"

#define REASON_MAX 2000
#define TEXT_COUNT 7

static bool is_short(const char *text)
{
	return !text || strlen(text) <= WIRE_SHORT_MAX;
}

enum err parcel_check(const struct outgoing *outgoing)
{
	bool fits = is_short(outgoing->exchange) && is_short(outgoing->key) &&
		    is_short(outgoing->message_id) && is_short(outgoing->content_type) &&
		    is_short(outgoing->content_encoding) && is_short(outgoing->queue);
	return fits && outgoing->head.len + blob_size(outgoing->tail) <= PARCEL_MAX ? OK
										    : E_TOO_BIG;
}

static size_t text_len(const char *text)
{
	return text ? strnlen(text, REASON_MAX) : 0;
}

static const char *keep(const char *text, char **place)
{
	char *at = *place;
	size_t len = text_len(text);
	if (len > 0)
		memcpy(at, text, len);
	at[len] = '\0';
	*place += len + 1;
	return at;
}

struct parcel *parcel_new(const struct outgoing *outgoing, int64_t now_ms, int64_t wall_ms,
			  int64_t timeout_ms)
{
	size_t size = sizeof(struct parcel) + TEXT_COUNT + text_len(outgoing->exchange) +
		      text_len(outgoing->key) + text_len(outgoing->message_id) +
		      text_len(outgoing->content_type) + text_len(outgoing->content_encoding) +
		      text_len(outgoing->queue) + text_len(outgoing->reason);
	size += (outgoing->keeps_head ? 0 : outgoing->head.len) + outgoing->original.len;
	struct parcel *parcel = memory_grow(NULL, size, 1); /* not zeroed: mostly head */
	char *place = (char *)(parcel + 1);
	*parcel = (struct parcel){
		.queued_at_ms = now_ms,
		.deadline_at_ms = now_ms + timeout_ms,
		.timestamp_s = wall_ms / 1000,
		.not_before_wall_ms = outgoing->not_before_wall_ms,
		.exchange = keep(outgoing->exchange, &place),
		.key = keep(outgoing->key, &place),
		.message_id = keep(outgoing->message_id, &place),
		.content_type = keep(outgoing->content_type, &place),
		.content_encoding = keep(outgoing->content_encoding, &place),
		.queue = keep(outgoing->queue, &place),
		.reason = keep(outgoing->reason, &place),
		.is_event = outgoing->is_event,
		.head = outgoing->head,
		.tail = blob_ref(outgoing->tail),
		.size = outgoing->head.len + blob_size(outgoing->tail),
	};
	if (outgoing->original.len > 0) {
		memcpy(place, outgoing->original.data, outgoing->original.len);
		parcel->original = bytes_from(place, outgoing->original.len);
		place += outgoing->original.len;
	}
	if (!outgoing->keeps_head && outgoing->head.len > 0) {
		memcpy(place, outgoing->head.data, outgoing->head.len);
		parcel->head.data = (uint8_t *)place;
	}
	return parcel;
}

void parcel_free(struct parcel **parcel)
{
	blob_unref(&(*parcel)->tail);
	free(*parcel);
	*parcel = NULL;
}

static void set_text(amqp_basic_properties_t *properties, amqp_flags_t flag, amqp_bytes_t *field,
		     const char *text)
{
	if (*text) {
		properties->_flags |= flag;
		*field = wire_text(text);
	}
}

/* Ours win over the original's. */
static void set_headers(const struct parcel *parcel, const char *tag, struct original *original)
{
	amqp_basic_properties_t *properties = &original->properties;
	if (parcel->not_before_wall_ms > 0)
		original_add(original,
			     wire_entry_int(HEADER_NOT_BEFORE, parcel->not_before_wall_ms));
	if (*parcel->queue)
		original_add(original, wire_entry_text(HEADER_QUEUE, parcel->queue));
	if (*parcel->reason)
		original_add(original, wire_entry_text(HEADER_REASON, parcel->reason));
	if (properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
		original_add(original, wire_entry_text(HEADER_TAG, tag));
	} else {
		properties->_flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
		properties->correlation_id = wire_text(tag);
	}
}

void parcel_write_head(const struct parcel *parcel, struct buf *out, uint16_t channel)
{
	amqp_basic_publish_t publish = {
		.exchange = wire_text(parcel->exchange),
		.routing_key = wire_text(parcel->key),
		.mandatory = !parcel->is_event,
	};
	wire_method(out, channel, AMQP_BASIC_PUBLISH_METHOD, &publish);

	char tag[24]; /* comes back with a returned message, which has no other mark of ours */
	(void)snprintf(tag, sizeof tag, "%" PRIu64, parcel->tag);
	struct original original;
	original_restore(&original, parcel->original);
	amqp_basic_properties_t *properties = &original.properties;
	set_headers(parcel, tag, &original);
	properties->_flags |= AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG;
	properties->delivery_mode = AMQP_DELIVERY_PERSISTENT;
	properties->timestamp = (uint64_t)parcel->timestamp_s;
	if (parcel->original.len == 0)
		set_text(properties, AMQP_BASIC_APP_ID_FLAG, &properties->app_id, ORIGINAL_OURS);
	set_text(properties, AMQP_BASIC_MESSAGE_ID_FLAG, &properties->message_id,
		 parcel->message_id);
	set_text(properties, AMQP_BASIC_CONTENT_TYPE_FLAG, &properties->content_type,
		 parcel->content_type);
	set_text(properties, AMQP_BASIC_CONTENT_ENCODING_FLAG, &properties->content_encoding,
		 parcel->content_encoding);
	wire_content(out, channel, parcel->size, properties);
	original_done(&original);
}

bool parcel_is_written(const struct parcel *parcel)
{
	return parcel->tag != 0 && parcel->written == parcel->size;
}

static enum err read_body(const struct parcel *parcel, uint64_t offset, uint8_t *out, size_t len,
			  struct why *why)
{
	struct bytes head = bytes_first(bytes_skip(parcel->head, (size_t)offset), len);
	if (head.len > 0)
		memcpy(out, head.data, head.len);
	if (head.len == len)
		return OK;
	return blob_read(parcel->tail, offset + head.len - parcel->head.len, out + head.len,
			 len - head.len, why);
}

enum err parcel_write_body(struct parcel *parcel, struct buf *out, uint16_t channel,
			   uint32_t frame_max, struct why *why)
{
	uint64_t left = parcel->size - parcel->written;
	size_t len = frame_max - WIRE_FRAME_OVERHEAD;
	if (left < len)
		len = (size_t)left;
	uint8_t *place = wire_body_begin(out, channel, len);
	enum err err = read_body(parcel, parcel->written, place, len, why);
	if (err)
		return err;
	wire_body_end(out, len);
	parcel->written += len;
	if (parcel->written == parcel->size)
		blob_unref(&parcel->tail);
	return OK;
}
