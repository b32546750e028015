/* From Protocol Buffers to the plain structs of schemas.h, by the rows of message.c: wire_split (the content never moves) -> wire_check ->
 * protobuf-c unpacks the rest into the arena -> each field is checked and copied to the plain struct. */
#include <assert.h>
#include <string.h>

#include "schemas/message.h"
#include "schemas/wire.h"

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
