/* Fields one by one. Nothing here believes a length before it has compared it with what is there. */
#include "schemas/wire.h"

#include <assert.h>
#include <string.h>

#define NUMBER_MAX	 ((1u << 29) - 1)
#define UNKNOWN_MAX	 20000 /* two fields of a newer version in each of 10,000 recipients */
#define VARINT_BYTES_MAX 10

static bool take_varint(struct bytes *rest, uint64_t *ret)
{
	uint64_t value = 0;
	for (size_t i = 0; i < VARINT_BYTES_MAX && i < rest->len; i++) {
		uint8_t byte = rest->data[i];
		if (i == VARINT_BYTES_MAX - 1 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*rest = bytes_skip(*rest, i + 1);
			*ret = value;
			return true;
		}
	}
	return false;
}

enum err wire_next(struct bytes *rest, struct wire_field *ret)
{
	struct bytes at = *rest;
	uint64_t tag = 0, value = 0;
	if (!take_varint(&at, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		return E_MALFORMED;
	struct wire_field field = {.number = (uint32_t)(tag >> 3), .type = tag & 7};
	size_t skip = 0;
	switch (field.type) {
	case WIRE_VARINT:
		if (!take_varint(&at, &value))
			return E_MALFORMED;
		break;
	case WIRE_FIXED64:
		skip = 8;
		break;
	case WIRE_BYTES:
		if (!take_varint(&at, &value) || value > at.len)
			return E_MALFORMED;
		skip = (size_t)value;
		field.data = bytes_first(at, skip);
		break;
	case WIRE_FIXED32:
		skip = 4;
		break;
	default:
		return E_MALFORMED;
	}
	if (skip > at.len)
		return E_MALFORMED;
	*rest = bytes_skip(at, skip);
	*ret = field;
	return OK;
}

/* `before` then `after` as one message, which is what Protocol Buffers make of two behind each other. */
static struct bytes join(struct arena *arena, struct bytes before, struct bytes after)
{
	if (after.len == 0)
		return before;
	if (before.len == 0)
		return after;
	uint8_t *joined = arena_alloc(arena, before.len + after.len);
	memcpy(joined, before.data, before.len);
	memcpy(joined + before.len, after.data, after.len);
	return bytes_from(joined, before.len + after.len);
}

enum err wire_split(struct arena *arena, const struct message *message, struct bytes in,
		    struct bytes *ret_head, struct bytes *ret_content, struct why *why)
{
	uint32_t number = message_content_number(message);
	struct bytes before = in, content = BYTES_NONE, after = BYTES_NONE;
	bool is_found = false;
	size_t head_len = 0, head_max = message->head_max > 0 ? message->head_max : SCHEMA_HEAD_MAX;
	for (struct bytes rest = in; rest.len > 0;) {
		struct bytes start = rest;
		struct wire_field field;
		if (wire_next(&rest, &field) != OK)
			return fail(why, E_MALFORMED,
				    "not a Protocol Buffers message (at byte %zu)",
				    in.len - start.len);
		if (field.number != number) {
			head_len += start.len - rest.len;
			if (head_len > head_max)
				return fail(why, E_TOO_BIG,
					    "more than %zu bytes beside the content", head_max);
			continue;
		}
		if (is_found || field.type != WIRE_BYTES)
			return fail(why, E_MALFORMED, "content: %s",
				    is_found ? "given twice" : "of another type");
		is_found = true;
		before = bytes_first(in, in.len - start.len);
		content = field.data;
		after = rest;
	}
	if (content.len > SCHEMA_CONTENT_MAX)
		return fail(why, E_TOO_BIG, "content: more than %u bytes", SCHEMA_CONTENT_MAX);
	*ret_head = join(arena, before, after);
	*ret_content = content;
	return OK;
}

static bool is_bytes_kind(enum field_kind kind)
{
	return kind <= FIELD_CONTENT || kind == FIELD_MESSAGE;
}

/* The row of a number, looked for from `hint` on, since encoders write fields in order. */
static const struct field *find_row(const struct message *message, uint32_t number, size_t *hint)
{
	for (size_t i = 0; i < message->field_count; i++) {
		size_t row = (*hint + i) % message->field_count;
		if (message->pb->fields[row].id == number) {
			*hint = row;
			return &message->fields[row];
		}
	}
	return NULL;
}

struct check {
	size_t unknown_count;
	struct why *why;
};

static enum err check_message(struct check *check, const struct message *message, struct bytes in,
			      const struct path *parent)
{
	size_t counts[MESSAGE_FIELDS_MAX] = {0};
	size_t hint = 0;
	assert(message->field_count <= MESSAGE_FIELDS_MAX);
	while (in.len > 0) {
		struct wire_field wire;
		if (wire_next(&in, &wire) != OK)
			return path_fail(parent, check->why, E_MALFORMED,
					 "not a Protocol Buffers message");
		const struct field *field = find_row(message, wire.number, &hint);
		if (!field) {
			if (++check->unknown_count > UNKNOWN_MAX)
				return path_fail(parent, check->why, E_TOO_BIG,
						 "too many unknown fields");
			continue;
		}
		size_t count = ++counts[field - message->fields];
		struct path path = {parent, field->name,
				    field->count_max > 0 ? (ptrdiff_t)count - 1 : -1};
		if (wire.type != (is_bytes_kind(field->kind) ? WIRE_BYTES : WIRE_VARINT))
			return path_fail(&path, check->why, E_MALFORMED, "of another type");
		if (field->count_max == 0 && count > 1)
			return path_fail(&path, check->why, E_MALFORMED, "given twice");
		if (field->count_max > 0 && count > field->count_max)
			return path_fail(&path, check->why, E_TOO_BIG, "too many");
		if (field->kind != FIELD_MESSAGE)
			continue;
		enum err err = check_message(check, field->message, wire.data, &path);
		if (err != OK)
			return err;
	}
	return OK;
}

enum err wire_check(const struct message *message, struct bytes in, struct why *why)
{
	struct check check = {0, why};
	return check_message(&check, message, in, NULL);
}
