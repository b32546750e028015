/* See wire.h. The one danger here is rabbitmq-c's decoder, which recurses for tables in tables
 * without a limit of its own: the nesting is bounded before it sees the bytes. */
#include "broker/rabbitmq/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define FRAME_HEADER   7 /* type, channel, size */
#define FRAME_END      0xCE
#define CONTENT_HEADER 12 /* class, weight, body size */
#define POOL_PAGE      4096

static uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)get_u16(at) << 16 | get_u16(at + 2);
}

static uint64_t get_u64(const uint8_t *at)
{
	return (uint64_t)get_u32(at) << 32 | get_u32(at + 4);
}

static void put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	put_u16(at, (uint16_t)(value >> 16));
	put_u16(at + 2, (uint16_t)value);
}

void wire_decoder_init(struct wire_decoder *decoder)
{
	decoder->frame_max = WIRE_FRAME_MAX;
	init_amqp_pool(&decoder->pool, POOL_PAGE);
}

void wire_decoder_done(struct wire_decoder *decoder)
{
	empty_amqp_pool(&decoder->pool);
}

/* ---- decoding ---- */

/* Counts what could open a table or an array: its mark, then a length that fits into what is left.
 * Text may look so by chance, but honest frames stay far below the limit; a frame that nests deep
 * cannot. */
static bool may_nest_too_deep(struct bytes b)
{
	size_t count = 0;
	for (size_t i = 0; i + 5 <= b.len; i++) {
		if ((b.data[i] == 'F' || b.data[i] == 'A') &&
		    get_u32(b.data + i + 1) <= b.len - i - 5)
			count++;
	}
	return count > WIRE_NESTING_MAX;
}

static enum err decode_method(struct wire_decoder *decoder, struct bytes payload,
			      struct wire_frame *frame, struct why *why)
{
	if (payload.len < 4)
		return fail(why, E_MALFORMED, "method frame of %zu bytes", payload.len);
	frame->method.id = get_u32(payload.data);
	struct bytes arguments = bytes_skip(payload, 4);
	if (may_nest_too_deep(arguments))
		return fail(why, E_MALFORMED, "tables nested too deep");
	amqp_bytes_t encoded = {arguments.len, (void *)arguments.data};
	int status = amqp_decode_method(frame->method.id, &decoder->pool, encoded,
					&frame->method.decoded);
	if (status < 0)
		return fail(why, E_MALFORMED, "method 0x%08" PRIx32 ": %s", frame->method.id,
			    amqp_error_string2(status));
	return OK;
}

static enum err decode_content(struct wire_decoder *decoder, struct bytes payload,
			       struct wire_frame *frame, struct why *why)
{
	if (payload.len < CONTENT_HEADER + 2)
		return fail(why, E_MALFORMED, "content header of %zu bytes", payload.len);
	if (get_u16(payload.data) != AMQP_BASIC_CLASS)
		return fail(why, E_MALFORMED, "content header of class %u", get_u16(payload.data));
	frame->body_size = get_u64(payload.data + 4);
	struct bytes properties = bytes_skip(payload, CONTENT_HEADER);
	if (may_nest_too_deep(properties))
		return fail(why, E_MALFORMED, "tables nested too deep");
	amqp_bytes_t encoded = {properties.len, (void *)properties.data};
	void *decoded = NULL;
	int status = amqp_decode_properties(AMQP_BASIC_CLASS, &decoder->pool, encoded, &decoded);
	if (status < 0)
		return fail(why, E_MALFORMED, "content header: %s", amqp_error_string2(status));
	frame->properties = decoded;
	return OK;
}

static enum err decode_payload(struct wire_decoder *decoder, uint8_t type, struct bytes payload,
			       struct wire_frame *frame, struct why *why)
{
	switch (type) {
	case WIRE_METHOD:
		frame->type = WIRE_METHOD;
		return decode_method(decoder, payload, frame, why);
	case WIRE_CONTENT:
		frame->type = WIRE_CONTENT;
		return decode_content(decoder, payload, frame, why);
	case WIRE_BODY:
		frame->type = WIRE_BODY;
		frame->body = payload;
		return OK;
	case WIRE_HEARTBEAT:
		frame->type = WIRE_HEARTBEAT;
		return OK;
	default:
		return fail(why, E_MALFORMED, "frame of unknown type %u", type);
	}
}

/* A server of another protocol, or of another version of ours, shows in its first bytes. */
static enum err not_amqp(struct bytes in, struct why *why)
{
	if (in.len >= 4 && memcmp(in.data, "AMQP", 4) == 0)
		return fail(why, E_MALFORMED, "the server does not speak AMQP 0-9-1");
	char shown[17] = "";
	for (size_t i = 0; i < in.len && i < sizeof shown - 1; i++) {
		shown[i] = in.data[i] >= ' ' && in.data[i] < 127 ? (char)in.data[i] : '.';
		shown[i + 1] = '\0';
	}
	return fail(why, E_MALFORMED, "this is no AMQP server: it said \"%s\"", shown);
}

enum err wire_decode(struct wire_decoder *decoder, struct bytes in, struct wire_frame *ret,
		     size_t *ret_used, struct why *why)
{
	*ret_used = 0;
	if (in.len == 0)
		return OK;
	uint8_t type = in.data[0];
	if (type != WIRE_METHOD && type != WIRE_CONTENT && type != WIRE_BODY &&
	    type != WIRE_HEARTBEAT)
		return not_amqp(in, why);
	if (in.len < FRAME_HEADER)
		return OK;
	uint32_t size = get_u32(in.data + 3);
	if (size > decoder->frame_max - WIRE_FRAME_OVERHEAD)
		return fail(why, E_MALFORMED, "frame of %" PRIu32 " bytes", size);
	size_t whole = (size_t)size + WIRE_FRAME_OVERHEAD;
	if (in.len < whole)
		return OK;
	if (in.data[whole - 1] != FRAME_END)
		return fail(why, E_MALFORMED, "frame without its end mark");

	recycle_amqp_pool(&decoder->pool);
	struct wire_frame frame = {.channel = get_u16(in.data + 1)};
	enum err err = decode_payload(decoder, type, bytes_from(in.data + FRAME_HEADER, size),
				      &frame, why);
	if (err)
		return err;
	*ret = frame;
	*ret_used = whole;
	return OK;
}

/* ---- encoding ---- */

static void end_frame(struct buf *out, uint8_t *frame, enum wire_type type, uint16_t channel,
		      size_t size)
{
	frame[0] = (uint8_t)type;
	put_u16(frame + 1, channel);
	put_u32(frame + 3, (uint32_t)size);
	frame[FRAME_HEADER + size] = FRAME_END;
	buf_commit(out, size + WIRE_FRAME_OVERHEAD);
}

void wire_method(struct buf *out, uint16_t channel, amqp_method_number_t id, void *method)
{
	uint8_t *frame = buf_reserve(out, WIRE_METHOD_MAX + WIRE_FRAME_OVERHEAD);
	put_u32(frame + FRAME_HEADER, id);
	amqp_bytes_t place = {WIRE_METHOD_MAX - 4, frame + FRAME_HEADER + 4};
	int len = amqp_encode_method(id, method, place);
	assert(len >= 0); /* only what we made ourselves comes here, and it fits */
	end_frame(out, frame, WIRE_METHOD, channel, (size_t)len + 4);
}

void wire_content(struct buf *out, uint16_t channel, uint64_t body_size,
		  amqp_basic_properties_t *properties)
{
	uint8_t *frame = buf_reserve(out, WIRE_METHOD_MAX + WIRE_FRAME_OVERHEAD);
	uint8_t *payload = frame + FRAME_HEADER;
	put_u16(payload, AMQP_BASIC_CLASS);
	put_u16(payload + 2, 0);
	put_u32(payload + 4, (uint32_t)(body_size >> 32));
	put_u32(payload + 8, (uint32_t)body_size);
	amqp_bytes_t place = {WIRE_METHOD_MAX - CONTENT_HEADER, payload + CONTENT_HEADER};
	int len = amqp_encode_properties(AMQP_BASIC_CLASS, properties, place);
	assert(len >= 0);
	end_frame(out, frame, WIRE_CONTENT, channel, (size_t)len + CONTENT_HEADER);
}

void wire_heartbeat(struct buf *out)
{
	uint8_t *frame = buf_reserve(out, WIRE_FRAME_OVERHEAD);
	end_frame(out, frame, WIRE_HEARTBEAT, 0, 0);
}

uint8_t *wire_body_begin(struct buf *out, uint16_t channel, size_t len)
{
	uint8_t *frame = buf_reserve(out, len + WIRE_FRAME_OVERHEAD);
	frame[0] = WIRE_BODY;
	put_u16(frame + 1, channel);
	put_u32(frame + 3, (uint32_t)len);
	return frame + FRAME_HEADER;
}

void wire_body_end(struct buf *out, size_t len)
{
	uint8_t *frame = buf_reserve(out, len + WIRE_FRAME_OVERHEAD);
	frame[FRAME_HEADER + len] = FRAME_END;
	buf_commit(out, len + WIRE_FRAME_OVERHEAD);
}

/* ---- strings and tables ---- */

amqp_bytes_t wire_text(const char *text)
{
	return (amqp_bytes_t){strlen(text), (void *)text};
}

struct bytes wire_bytes(amqp_bytes_t b)
{
	return bytes_from(b.bytes, b.len);
}

void wire_copy_short(amqp_bytes_t b, char out[WIRE_SHORT_MAX + 1])
{
	size_t len = b.len < WIRE_SHORT_MAX ? b.len : WIRE_SHORT_MAX;
	if (len > 0)
		memcpy(out, b.bytes, len);
	out[len] = '\0';
}

amqp_table_entry_t wire_entry_text(const char *key, const char *value)
{
	return (amqp_table_entry_t){
		.key = wire_text(key),
		.value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = wire_text(value)},
	};
}

amqp_table_entry_t wire_entry_int(const char *key, int64_t value)
{
	return (amqp_table_entry_t){
		.key = wire_text(key),
		.value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = value},
	};
}

amqp_table_entry_t wire_entry_flag(const char *key, bool value)
{
	return (amqp_table_entry_t){
		.key = wire_text(key),
		.value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = value},
	};
}

const amqp_field_value_t *wire_find(const amqp_table_t *table, const char *key)
{
	for (int i = 0; i < table->num_entries; i++) {
		if (bytes_is(wire_bytes(table->entries[i].key), key))
			return &table->entries[i].value;
	}
	return NULL;
}

bool wire_value_int(const amqp_field_value_t *value, int64_t *ret)
{
	if (!value)
		return false;
	switch (value->kind) {
	case AMQP_FIELD_KIND_I8:
		*ret = value->value.i8;
		return true;
	case AMQP_FIELD_KIND_U8:
		*ret = value->value.u8;
		return true;
	case AMQP_FIELD_KIND_I16:
		*ret = value->value.i16;
		return true;
	case AMQP_FIELD_KIND_U16:
		*ret = value->value.u16;
		return true;
	case AMQP_FIELD_KIND_I32:
		*ret = value->value.i32;
		return true;
	case AMQP_FIELD_KIND_U32:
		*ret = value->value.u32;
		return true;
	case AMQP_FIELD_KIND_I64:
	case AMQP_FIELD_KIND_TIMESTAMP:
		*ret = value->value.i64;
		return true;
	default:
		return false;
	}
}

bool wire_value_text(const amqp_field_value_t *value, struct bytes *ret)
{
	if (!value || (value->kind != AMQP_FIELD_KIND_UTF8 && value->kind != AMQP_FIELD_KIND_BYTES))
		return false;
	*ret = wire_bytes(value->value.bytes);
	return true;
}
