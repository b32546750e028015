/* From the plain structs of schemas.h to Protocol Buffers, by the rows of message.c: protobuf-c's structs are built in an arena that lives
 * for the call. */
#include <assert.h>
#include <string.h>

#include "schemas/message.h"
#include "schemas/wire.h"

#define WIRE_TAG_MAX 16 /* tag and length in front of a content */

static ProtobufCMessage *write_message(struct arena *arena, const struct message *message,
				       const uint8_t *from);

/* One value to where protobuf-c keeps it. False when it is empty, which is written as absent. */
static bool write_value(struct arena *arena, const struct field *field, const uint8_t *from,
			void *pb)
{
	struct bytes value;
	ProtobufCBinaryData data;
	protobuf_c_boolean truth;
	uint64_t number = 0;
	switch (field->kind) {
	case FIELD_MESSAGE:
		*(ProtobufCMessage **)pb = write_message(arena, field->message, from);
		return true;
	case FIELD_BOOL:
		truth = *(const bool *)from;
		memcpy(pb, &truth, sizeof truth);
		return truth;
	case FIELD_WALL_MS:
	case FIELD_UINT32:
	case FIELD_UINT64:
	case FIELD_ENUM:
		memcpy(&number, from, field_item_size(field));
		memcpy(pb, from, field_item_size(field));
		return number != 0;
	default:
		memcpy(&value, from, sizeof value);
		data = (ProtobufCBinaryData){value.len, (uint8_t *)value.data};
		memcpy(pb, &data, sizeof data);
		return value.len > 0;
	}
}

static void write_list(struct arena *arena, const struct field *field,
		       const ProtobufCFieldDescriptor *pb_field, const uint8_t *from, uint8_t *pb)
{
	size_t count = 0, size = field_item_size(field);
	size_t pb_size =
		field->kind == FIELD_MESSAGE ? sizeof(void *) : sizeof(ProtobufCBinaryData);
	const uint8_t *items = NULL;
	memcpy(&items, from + field->at, sizeof items);
	memcpy(&count, from + field->count_at, sizeof count);
	uint8_t *pb_items = arena_zalloc(arena, count, pb_size);
	for (size_t i = 0; i < count; i++)
		(void)write_value(arena, field, items + i * size, pb_items + i * pb_size);
	memcpy(pb + pb_field->offset, &pb_items, sizeof pb_items);
	memcpy(pb + pb_field->quantifier_offset, &count, sizeof count);
}

static void write_single(struct arena *arena, const struct field *field,
			 const ProtobufCFieldDescriptor *pb_field, const uint8_t *from, uint8_t *pb)
{
	if (field->kind == FIELD_MESSAGE && !*(const bool *)(from + field->count_at))
		return;
	protobuf_c_boolean is_there =
		write_value(arena, field, from + field->at, pb + pb_field->offset);
	if (field->kind != FIELD_MESSAGE)
		memcpy(pb + pb_field->quantifier_offset, &is_there, sizeof is_there);
}

static ProtobufCMessage *write_message(struct arena *arena, const struct message *message,
				       const uint8_t *from)
{
	assert(message->pb->n_fields == message->field_count);
	ProtobufCMessage *pb = arena_alloc(arena, message->pb->sizeof_message);
	protobuf_c_message_init(message->pb, pb);
	for (size_t i = 0; i < message->field_count; i++) {
		const struct field *field = &message->fields[i];
		const ProtobufCFieldDescriptor *pb_field = &message->pb->fields[i];
		if (field->kind == FIELD_CONTENT)
			continue;
		if (field->count_max > 0)
			write_list(arena, field, pb_field, from, (uint8_t *)pb);
		else
			write_single(arena, field, pb_field, from, (uint8_t *)pb);
	}
	return pb;
}

static size_t put_varint(uint64_t value, uint8_t *out)
{
	size_t len = 0;
	for (; value >= 0x80; value >>= 7)
		out[len++] = (uint8_t)(value | 0x80);
	out[len++] = (uint8_t)value;
	return len;
}

/* Tag and length of the content; nothing for messages without one. */
static struct bytes content_tag(const struct message *message, uint64_t content_bytes,
				uint8_t out[WIRE_TAG_MAX])
{
	if (!message_content(message))
		return BYTES_NONE;
	uint32_t number = message_content_number(message);
	size_t len = put_varint((uint64_t)number << 3 | WIRE_BYTES, out);
	len += put_varint(content_bytes, out + len);
	return bytes_from(out, len);
}

enum err message_encode_head(const struct message *message, const void *from,
			     uint64_t content_bytes, size_t reserve_bytes, struct buf *out)
{
	uint8_t tag_bytes[WIRE_TAG_MAX];
	struct bytes tag = content_tag(message, content_bytes, tag_bytes);
	struct arena *arena = arena_new();
	ProtobufCMessage *pb = write_message(arena, message, from);
	size_t size = protobuf_c_message_get_packed_size(pb);
	enum err err = E_FULL;
	size_t room = buf_room(out);
	if (reserve_bytes <= room && size + tag.len <= room - reserve_bytes) {
		size_t packed = protobuf_c_message_pack(pb, buf_reserve(out, size + tag.len));
		assert(packed == size);
		buf_commit(out, packed);
		err = buf_append(out, tag);
	}
	arena_free(&arena);
	return err;
}

enum err message_encode(const struct message *message, const void *from, struct bytes content,
			struct buf *out)
{
	enum err err = message_encode_head(message, from, content.len, content.len, out);
	return err == OK ? buf_append(out, content) : err;
}
