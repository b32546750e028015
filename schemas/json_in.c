/* Submissions as JSON. jansson parses, after a look that bounds what parsing may allocate: an empty object is 2 bytes of text and
 * some 150 of memory. The rows of message.c then say what each name may hold; content and metadata have forms of their own. */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/clock.h"
#include "schemas/json_object.h"
#include "schemas/message.h"

#define DEPTH_MAX  16
#define VALUES_MAX 40000 /* a recipient is one value, or two in an object */
#define TEXT_MAX   (SCHEMA_CONTENT_MAX / 3 * 4 + SCHEMA_HEAD_MAX)
#define NAME_SHOWN 40

struct json_reader {
	struct arena *arena;
	struct why *why;
	bool takes_what_is_good; /* and passes over the rest, and over content */
};

static enum err parse(struct bytes in, size_t flags, json_t **ret, struct why *why)
{
	if (in.len > TEXT_MAX)
		return fail(why, E_TOO_BIG, "JSON: more than %u bytes", TEXT_MAX);
	return json_object_load(in, DEPTH_MAX, VALUES_MAX, flags, ret, why);
}

/* ---- names ---- */

/* Is `name` "not_before_wall_ms" or "notBeforeWallMs"? */
static bool is_name_of(const char *name, const char *field_name)
{
	if (strcmp(name, field_name) == 0)
		return true;
	for (; *field_name; field_name++, name++) {
		char wanted = *field_name;
		if (wanted == '_') {
			field_name++;
			wanted = (char)(*field_name - ('a' - 'A'));
		}
		if (*name != wanted)
			return false;
	}
	return *name == '\0';
}

/* As our own JSON calls times: "created" for created_wall_ms. */
static bool is_short_name_of(const char *name, const struct field *field)
{
	static const char end[] = "_wall_ms";
	size_t len = strlen(name);
	return field->kind == FIELD_WALL_MS && strncmp(name, field->name, len) == 0 &&
	       strcmp(field->name + len, end) == 0;
}

static const struct field *find_field(const struct message *message, const char *name)
{
	for (size_t i = 0; i < message->field_count; i++)
		if (is_name_of(name, message->fields[i].name) ||
		    is_short_name_of(name, &message->fields[i]))
			return &message->fields[i];
	return NULL;
}

/* A stranger's name is shown only when it is harmless. */
static enum err unknown_name(const struct path *parent, const char *name, struct why *why)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.";
	size_t len = strlen(name);
	bool is_harmless = len > 0 && len <= NAME_SHOWN && strspn(name, letters) == len;
	struct path path = {parent, is_harmless ? name : "?", -1};
	return path_fail(&path, why, E_MALFORMED, "unknown field");
}

/* ---- values ---- */

static enum err read_object(const struct json_reader *reader, const struct message *message,
			    json_t *json, uint8_t *to, const struct path *path);

static struct bytes string_bytes(const json_t *json)
{
	return bytes_from(json_string_value(json), json_string_length(json));
}

/* Strings outlive the parsed JSON. */
static enum err read_string(const struct json_reader *reader, const struct field *field,
			    json_t *json, uint8_t *to, const struct path *path)
{
	assert(field->kind <= FIELD_CONTENT);
	if (!json_is_string(json))
		return path_fail(path, reader->why, E_MALFORMED, "not a string");
	enum err err = field_check_bytes(field, string_bytes(json), path, reader->why);
	if (err != OK)
		return err;
	struct bytes copy = arena_copy(reader->arena, string_bytes(json));
	memcpy(to, &copy, sizeof copy);
	return OK;
}

/* A number, or a string of digits, as proto3 writes 64-bit numbers. */
static enum err read_wall_ms(const struct json_reader *reader, json_t *json, uint8_t *to,
			     const struct path *path)
{
	uint64_t digits = 0;
	int64_t value = 0;
	if (json_is_integer(json))
		value = json_integer_value(json);
	else if (json_is_string(json) && bytes_to_u64(string_bytes(json), INT64_MAX, &digits))
		value = (int64_t)digits;
	else if (!json_is_string(json) || !clock_parse_rfc3339(string_bytes(json), &value))
		return path_fail(path, reader->why, E_MALFORMED, "not a whole number");
	memcpy(to, &value, sizeof value);
	return field_check_wall_ms(value, path, reader->why);
}

static enum err read_bool(const struct json_reader *reader, json_t *json, uint8_t *to,
			  const struct path *path)
{
	bool value = json_is_true(json);
	if (!json_is_boolean(json))
		return path_fail(path, reader->why, E_MALFORMED, "neither true nor false");
	memcpy(to, &value, sizeof value);
	return OK;
}

static enum err read_uint64(const struct json_reader *reader, json_t *json, uint8_t *to,
			    const struct path *path)
{
	uint64_t value = (uint64_t)json_integer_value(json);
	if (!json_is_integer(json) || json_integer_value(json) < 0)
		return path_fail(path, reader->why, E_MALFORMED, "not a whole number");
	memcpy(to, &value, sizeof value);
	return OK;
}

static enum err read_uint32(const struct json_reader *reader, json_t *json, uint8_t *to,
			    const struct path *path)
{
	uint64_t whole = 0;
	enum err err = read_uint64(reader, json, (uint8_t *)&whole, path);
	if (err == OK && whole > UINT32_MAX)
		return path_fail(path, reader->why, E_MALFORMED, "too big a number");
	uint32_t value = (uint32_t)whole;
	memcpy(to, &value, sizeof value);
	return err;
}

static enum err read_value(const struct json_reader *reader, const struct field *field,
			   json_t *json, uint8_t *to, const struct path *path)
{
	switch (field->kind) {
	case FIELD_WALL_MS:
		return read_wall_ms(reader, json, to, path);
	case FIELD_BOOL:
		return read_bool(reader, json, to, path);
	case FIELD_UINT32:
		return read_uint32(reader, json, to, path);
	case FIELD_ENUM: /* nothing that is read from JSON has one */
		return path_fail(path, reader->why, E_MALFORMED, "not to be given in JSON");
	case FIELD_UINT64:
		return read_uint64(reader, json, to, path);
	case FIELD_MESSAGE:
		return read_object(reader, field->message, json, to, path);
	default:
		return read_string(reader, field, json, to, path);
	}
}

static void set_list(const struct field *field, uint8_t *to, const uint8_t *items, size_t count)
{
	memcpy(to + field->at, &items, sizeof items);
	memcpy(to + field->count_at, &count, sizeof count);
}

/* A list, or a single value where it would hold one. */
static enum err read_list(const struct json_reader *reader, const struct field *field, json_t *json,
			  uint8_t *to, const struct path *parent)
{
	bool is_array = json_is_array(json);
	size_t count = is_array ? json_array_size(json) : 1, size = field_item_size(field);
	struct path path = {parent, field->name, -1};
	if (count > field->count_max)
		return path_fail(&path, reader->why, E_TOO_BIG, "too many");
	uint8_t *items = arena_zalloc(reader->arena, count, size);
	size_t good_count = 0;
	for (size_t i = 0; i < count; i++) {
		path.index = is_array ? (ptrdiff_t)i : -1;
		enum err err = read_value(reader, field, is_array ? json_array_get(json, i) : json,
					  items + good_count * size, &path);
		if (err == OK)
			good_count++;
		else if (!reader->takes_what_is_good)
			return err;
		else
			memset(items + good_count * size, 0, size);
	}
	set_list(field, to, items, good_count);
	return OK;
}

/* {"order": "42"} for [{"name": "order", "value": "42"}]. */
static enum err read_map(const struct json_reader *reader, const struct field *field, json_t *json,
			 uint8_t *to, const struct path *parent)
{
	const struct field *name_field = &field->message->fields[0];
	const struct field *value_field = &field->message->fields[1];
	struct path path = {parent, field->name, -1};
	size_t count = 0;
	if (json_object_size(json) > field->count_max)
		return path_fail(&path, reader->why, E_TOO_BIG, "too many");
	struct pair *pairs = arena_zalloc(reader->arena, json_object_size(json), sizeof *pairs);
	const char *name;
	json_t *value;
	json_object_foreach(json, name, value)
	{
		struct pair *pair = &pairs[count];
		path.index = (ptrdiff_t)count++;
		pair->name = arena_copy(reader->arena, bytes_of(name));
		enum err err = field_check_bytes(name_field, pair->name, &path, reader->why);
		if (err == OK)
			err = read_string(reader, value_field, value, (uint8_t *)&pair->value,
					  &path);
		if (err != OK)
			return err;
	}
	set_list(field, to, (const uint8_t *)pairs, count);
	return OK;
}

static enum err read_base64(const struct json_reader *reader, const struct field *field,
			    json_t *json, uint8_t *to, const struct path *parent)
{
	struct path path = {parent, field->name, -1};
	struct bytes content;
	if (!json_is_string(json))
		return path_fail(&path, reader->why, E_MALFORMED, "not a string");
	if (base64_decode(reader->arena, string_bytes(json), &content) != OK)
		return path_fail(&path, reader->why, E_MALFORMED, "not base 64");
	memcpy(to + field->at, &content, sizeof content);
	return field_check_bytes(field, content, &path, reader->why);
}

static enum err read_field(const struct json_reader *reader, const struct field *field,
			   json_t *json, uint8_t *to, const struct path *parent)
{
	struct path path = {parent, field->name, -1};
	if (field->kind == FIELD_CONTENT)
		return read_base64(reader, field, json, to, parent);
	if (field->kind == FIELD_MESSAGE && field->count_max > 0 && json_is_object(json))
		return read_map(reader, field, json, to, parent);
	if (field->count_max > 0)
		return read_list(reader, field, json, to, parent);
	return read_value(reader, field, json, to + field->at, &path);
}

static enum err read_object(const struct json_reader *reader, const struct message *message,
			    json_t *json, uint8_t *to, const struct path *parent)
{
	bool is_seen[MESSAGE_FIELDS_MAX] = {false};
	const char *name;
	json_t *value;
	if (!json_is_object(json))
		return path_fail(parent, reader->why, E_MALFORMED, "not an object");
	json_object_foreach(json, name, value)
	{
		const struct field *content = message_content(message);
		bool is_mime = content && strcmp(name, "mime") == 0;
		const struct field *field = is_mime ? content : find_field(message, name);
		if (reader->takes_what_is_good && (!field || field == content))
			continue;
		if (!field)
			return unknown_name(parent, name, reader->why);
		struct path path = {parent, is_mime ? name : field->name, -1};
		bool *seen = &is_seen[field - message->fields];
		if (*seen && reader->takes_what_is_good)
			continue;
		if (*seen)
			return path_fail(&path, reader->why, E_MALFORMED, "given twice");
		*seen = true;
		if (json_is_null(value)) /* proto3: the same as absent */
			continue;
		enum err err = is_mime ? read_string(reader, field, value, to + field->at, &path)
				       : read_field(reader, field, value, to, parent);
		if (err != OK && !reader->takes_what_is_good)
			return err;
	}
	return parent ? message_check(message, to, parent, reader->why) : OK;
}

/* `zeroed` is a struct of the message's. */
static enum err from_json(const struct message *message, struct arena *arena, struct bytes in,
			  void *zeroed, struct why *why)
{
	json_t *root = NULL;
	enum err err = parse(in, JSON_REJECT_DUPLICATES, &root, why);
	if (err != OK)
		return err;
	struct json_reader reader = {arena, why, false};
	err = read_object(&reader, message, root, zeroed, NULL);
	json_decref(root);
	return err == OK ? message_check(message, zeroed, NULL, why) : err;
}

enum err submission_from_json(struct arena *arena, struct bytes in, struct submission *ret,
			      struct why *why)
{
	struct submission submission = {0};
	enum err err = from_json(&submission_message, arena, in, &submission, why);
	if (err == OK)
		*ret = submission;
	return err;
}

enum err suppression_from_json(struct arena *arena, struct bytes in, struct suppression *ret,
			       struct why *why)
{
	struct suppression suppression = {0};
	enum err err = from_json(&suppression_message, arena, in, &suppression, why);
	if (err == OK)
		*ret = suppression;
	return err;
}

enum err webhook_row_from_json(struct arena *arena, struct bytes in, struct webhook_row *ret,
			       struct why *why)
{
	struct webhook_row row = {0};
	enum err err = from_json(&webhook_row_message, arena, in, &row, why);
	if (err == OK)
		*ret = row;
	return err;
}

void submission_glimpse_json(struct arena *arena, struct bytes in, struct submission *ret)
{
	json_t *root = NULL;
	*ret = (struct submission){0};
	if (parse(in, 0, &root, NULL) != OK)
		return;
	struct json_reader reader = {arena, NULL, true};
	enum err err = read_object(&reader, &submission_message, root, (uint8_t *)ret, NULL);
	assert(err == OK); /* an object was asked for, and every fault in it is passed over */
	(void)err;
	json_decref(root);
}
