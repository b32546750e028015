/* Between the plain structs of schemas.h and Protocol Buffers, by the rows of message.c.
 *
 * Decoding goes wire_split (the content never moves) -> wire_check -> protobuf-c unpacks the rest into the arena -> each field is
 * checked and copied to the plain struct. Encoding builds protobuf-c's structs in an arena that lives for the call. */
#include <assert.h>
#include <string.h>

#include "schemas/message.h"
#include "schemas/wire.h"

#define WIRE_TAG_MAX 16 /* tag and length in front of a content */

static void *allocate(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

/* The arena frees all at once. */
static void free_later(void *arena, void *memory)
{
	(void)arena;
	(void)memory;
}

/* ---- reading ---- */

struct reader {
	struct arena *arena;
	struct why *why;
};

static enum err read_message(const struct reader *reader, const struct message *message,
			     const ProtobufCMessage *pb, uint8_t *to, const struct path *path);

static enum err read_bytes(const struct reader *reader, const struct field *field, const void *pb,
			   uint8_t *to, const struct path *path)
{
	ProtobufCBinaryData data;
	memcpy(&data, pb, sizeof data);
	struct bytes value = bytes_from(data.data, data.len);
	memcpy(to, &value, sizeof value);
	return field_check_bytes(field, value, path, reader->why);
}

static enum err read_wall_ms(const struct reader *reader, const void *pb, uint8_t *to,
			     const struct path *path)
{
	int64_t value = 0;
	memcpy(&value, pb, sizeof value);
	memcpy(to, &value, sizeof value);
	return field_check_wall_ms(value, path, reader->why);
}

/* Half of the range is left out: who reads JSON could not hold it. */
static enum err read_uint64(const struct reader *reader, const void *pb, uint8_t *to,
			    const struct path *path)
{
	uint64_t value = 0;
	memcpy(&value, pb, sizeof value);
	memcpy(to, &value, sizeof value);
	return value <= INT64_MAX ? OK : path_fail(path, reader->why, E_MALFORMED, "too large");
}

static enum err read_enum(const struct reader *reader, const struct field *field, const void *pb,
			  uint8_t *to, const struct path *path)
{
	int32_t value = 0;
	memcpy(&value, pb, sizeof value);
	memcpy(to, &value, sizeof value);
	return field_check_enum(field, value, path, reader->why);
}

/* One value from where protobuf-c keeps it. */
static enum err read_value(const struct reader *reader, const struct field *field, const void *pb,
			   uint8_t *to, const struct path *path)
{
	protobuf_c_boolean truth = 0;
	switch (field->kind) {
	case FIELD_MESSAGE:
		return read_message(reader, field->message, *(ProtobufCMessage *const *)pb, to,
				    path);
	case FIELD_WALL_MS:
		return read_wall_ms(reader, pb, to, path);
	case FIELD_ENUM:
		return read_enum(reader, field, pb, to, path);
	case FIELD_UINT32:
		memcpy(to, pb, sizeof(uint32_t));
		return OK;
	case FIELD_UINT64:
		return read_uint64(reader, pb, to, path);
	case FIELD_BOOL:
		memcpy(&truth, pb, sizeof truth);
		*(bool *)to = truth != 0;
		return OK;
	default:
		return read_bytes(reader, field, pb, to, path);
	}
}

static enum err read_list(const struct reader *reader, const struct field *field,
			  const ProtobufCFieldDescriptor *pb_field, const uint8_t *pb, uint8_t *to,
			  const struct path *parent)
{
	size_t count = 0, size = field_item_size(field);
	size_t pb_size =
		field->kind == FIELD_MESSAGE ? sizeof(void *) : sizeof(ProtobufCBinaryData);
	const uint8_t *pb_items = NULL;
	memcpy(&count, pb + pb_field->quantifier_offset, sizeof count);
	memcpy(&pb_items, pb + pb_field->offset, sizeof pb_items);
	if (count == 0)
		return OK;
	uint8_t *items = arena_zalloc(reader->arena, count, size);
	for (size_t i = 0; i < count; i++) {
		struct path path = {parent, field->name, (ptrdiff_t)i};
		enum err err =
			read_value(reader, field, pb_items + i * pb_size, items + i * size, &path);
		if (err != OK)
			return err;
	}
	memcpy(to + field->at, &items, sizeof items);
	memcpy(to + field->count_at, &count, sizeof count);
	return OK;
}

static enum err read_single(const struct reader *reader, const struct field *field,
			    const ProtobufCFieldDescriptor *pb_field, const uint8_t *pb,
			    uint8_t *to, const struct path *parent)
{
	struct path path = {parent, field->name, -1};
	protobuf_c_boolean is_there = 0;
	const void *message = NULL;
	if (field->kind == FIELD_MESSAGE) {
		memcpy(&message, pb + pb_field->offset, sizeof message);
		is_there = message != NULL;
		*(bool *)(to + field->count_at) = message != NULL;
	} else {
		memcpy(&is_there, pb + pb_field->quantifier_offset, sizeof is_there);
	}
	if (!is_there)
		return OK;
	return read_value(reader, field, pb + pb_field->offset, to + field->at, &path);
}

static enum err read_message(const struct reader *reader, const struct message *message,
			     const ProtobufCMessage *pb, uint8_t *to, const struct path *path)
{
	assert(message->pb->n_fields == message->field_count);
	for (size_t i = 0; i < message->field_count; i++) {
		const struct field *field = &message->fields[i];
		const ProtobufCFieldDescriptor *pb_field = &message->pb->fields[i];
		if (field->kind == FIELD_CONTENT)
			continue;
		enum err err = field->count_max > 0 ? read_list(reader, field, pb_field,
								(const uint8_t *)pb, to, path)
						    : read_single(reader, field, pb_field,
								  (const uint8_t *)pb, to, path);
		if (err != OK)
			return err;
	}
	return path ? message_check(message, to, path, reader->why) : OK;
}

enum err message_decode(const struct message *message, struct arena *arena, struct bytes in,
			void *ret, struct why *why)
{
	struct bytes head, content;
	enum err err = wire_split(arena, message, in, &head, &content, why);
	if (err == OK)
		err = wire_check(message, head, why);
	if (err != OK)
		return err;
	ProtobufCAllocator allocator = {allocate, free_later, arena};
	ProtobufCMessage *pb =
		protobuf_c_message_unpack(message->pb, &allocator, head.len, head.data);
	if (!pb)
		return fail(why, E_MALFORMED, "not a Protocol Buffers message");
	uint8_t *decoded = arena_zalloc(arena, 1, message->size);
	err = read_message(&(struct reader){arena, why}, message, pb, decoded, NULL);
	if (err != OK)
		return err;
	const struct field *content_field = message_content(message);
	if (content_field)
		memcpy(decoded + content_field->at, &content, sizeof content);
	err = message_check(message, decoded, NULL, why);
	if (err == OK)
		memcpy(ret, decoded, message->size);
	return err;
}

/* ---- writing ---- */

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

/* All but the content, of which only the length is said. Room is asked for `reserve_bytes` more. */
static enum err encode_head(const struct message *message, const void *from, uint64_t content_bytes,
			    size_t reserve_bytes, struct buf *out)
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
	enum err err = encode_head(message, from, content.len, content.len, out);
	return err == OK ? buf_append(out, content) : err;
}

/* ---- the messages ---- */

enum err submission_decode(struct arena *arena, struct bytes in, struct submission *ret,
			   struct why *why)
{
	return message_decode(&submission_message, arena, in, ret, why);
}

enum err submission_encode(const struct submission *submission, struct buf *out)
{
	return message_encode(&submission_message, submission, submission->content, out);
}

enum err delivery_request_decode(struct arena *arena, struct bytes in, struct delivery_request *ret,
				 struct why *why)
{
	return message_decode(&delivery_request_message, arena, in, ret, why);
}

enum err delivery_request_encode_head(const struct delivery_request *request,
				      uint64_t content_bytes, struct buf *out)
{
	return encode_head(&delivery_request_message, request, content_bytes, 0, out);
}

enum err skeleton_decode(struct arena *arena, struct bytes in, struct skeleton *ret,
			 struct why *why)
{
	return message_decode(&skeleton_message, arena, in, ret, why);
}

enum err skeleton_encode(const struct skeleton *skeleton, struct buf *out)
{
	return message_encode(&skeleton_message, skeleton, BYTES_NONE, out);
}

enum err result_batch_decode(struct arena *arena, struct bytes in, struct result_batch *ret,
			     struct why *why)
{
	return message_decode(&result_batch_message, arena, in, ret, why);
}

enum err result_batch_encode(const struct result_batch *batch, struct buf *out)
{
	return message_encode(&result_batch_message, batch, BYTES_NONE, out);
}

enum err inbound_mail_decode(struct arena *arena, struct bytes in, struct inbound_mail *ret,
			     struct why *why)
{
	return message_decode(&inbound_mail_message, arena, in, ret, why);
}

enum err inbound_mail_encode_head(const struct inbound_mail *mail, uint64_t content_bytes,
				  struct buf *out)
{
	return encode_head(&inbound_mail_message, mail, content_bytes, 0, out);
}

enum err inbound_mail_encode(const struct inbound_mail *mail, struct buf *out)
{
	return message_encode(&inbound_mail_message, mail, mail->content, out);
}

enum err suppression_decode(struct arena *arena, struct bytes in, struct suppression *ret,
			    struct why *why)
{
	return message_decode(&suppression_message, arena, in, ret, why);
}

enum err suppression_encode(const struct suppression *suppression, struct buf *out)
{
	return message_encode(&suppression_message, suppression, BYTES_NONE, out);
}

enum err bouncer_event_batch_decode(struct arena *arena, struct bytes in,
				    struct bouncer_event_batch *ret, struct why *why)
{
	return message_decode(&bouncer_event_batch_message, arena, in, ret, why);
}

enum err bouncer_event_batch_encode(const struct bouncer_event_batch *batch, struct buf *out)
{
	return message_encode(&bouncer_event_batch_message, batch, BYTES_NONE, out);
}

enum err webhook_row_decode(struct arena *arena, struct bytes in, struct webhook_row *ret,
			    struct why *why)
{
	return message_decode(&webhook_row_message, arena, in, ret, why);
}

enum err webhook_row_encode(const struct webhook_row *row, struct buf *out)
{
	return message_encode(&webhook_row_message, row, BYTES_NONE, out);
}

enum err directive_decode(struct arena *arena, struct bytes in, struct directive *ret,
			  struct why *why)
{
	return message_decode(&directive_message, arena, in, ret, why);
}

enum err directive_encode(const struct directive *directive, struct buf *out)
{
	return message_encode(&directive_message, directive, BYTES_NONE, out);
}
