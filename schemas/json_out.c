/* Messages as JSON for people and scripts, by the rows of message.c: enums and times by their words, metadata by name, and always
 * well-formed, whatever bytes a remote host or a publisher has sent. */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "schemas/message.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define TIME_SUFFIX "_wall_ms"

static size_t sequence_len(struct bytes b)
{
	for (size_t len = 1; len <= 4 && len <= b.len; len++)
		if (bytes_is_utf8(bytes_first(b, len)))
			return len;
	return 0;
}

/* Each byte that is no part of UTF-8 becomes U+FFFD. */
static json_t *text_json(struct bytes b)
{
	if (bytes_is_utf8(b))
		return json_stringn(b.len > 0 ? (const char *)b.data : "", b.len);
	char *text = malloc(b.len * strlen(REPLACEMENT));
	if (!text)
		abort();
	size_t len = 0;
	while (b.len > 0) {
		size_t used = sequence_len(b);
		memcpy(text + len, used > 0 ? (const void *)b.data : REPLACEMENT,
		       used > 0 ? used : strlen(REPLACEMENT));
		len += used > 0 ? used : strlen(REPLACEMENT);
		b = bytes_skip(b, used > 0 ? used : 1);
	}
	json_t *json = json_stringn(text, len);
	free(text);
	return json;
}

static void set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0)
		abort(); /* out of memory: names are ours, values are UTF-8 */
}

static void set_time(json_t *object, const struct field *field, int64_t wall_ms)
{
	char name[64], text[CLOCK_RFC3339_SIZE];
	size_t len = strlen(field->name) - strlen(TIME_SUFFIX);
	assert(len < sizeof name && strcmp(field->name + len, TIME_SUFFIX) == 0);
	memcpy(name, field->name, len);
	name[len] = '\0';
	clock_rfc3339(wall_ms, text);
	set(object, name, json_string(text));
}

static void set_single(json_t *object, const struct field *field, const uint8_t *at)
{
	struct bytes text;
	uint64_t number = 0;
	switch (field->kind) {
	case FIELD_WALL_MS:
	case FIELD_UINT32:
	case FIELD_UINT64:
	case FIELD_BOOL:
	case FIELD_ENUM:
		memcpy(&number, at, field_item_size(field));
		break;
	default:
		memcpy(&text, at, sizeof text);
		if (text.len > 0)
			set(object, field->name, text_json(text));
		return;
	}
	if (number == 0)
		return;
	if (field->kind == FIELD_WALL_MS)
		set_time(object, field, (int64_t)number);
	else if (field->kind == FIELD_BOOL)
		set(object, field->name, json_true());
	else if (field->kind == FIELD_ENUM)
		set(object, field->name, json_string(field->names[number]));
	else
		set(object, field->name, json_integer((json_int_t)number));
}

static json_t *tags_json(const struct bytes *tags, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, text_json(tags[i])) != 0)
			abort();
	return list;
}

static json_t *metadata_json(const struct pair *pairs, size_t count)
{
	json_t *object = json_object();
	for (size_t i = 0; i < count; i++) {
		json_t *name = text_json(pairs[i].name);
		set(object, json_string_value(name), text_json(pairs[i].value));
		json_decref(name);
	}
	return object;
}

static void set_list(json_t *object, const struct field *field, const uint8_t *from)
{
	size_t count = 0;
	const void *items = NULL;
	memcpy(&items, from + field->at, sizeof items);
	memcpy(&count, from + field->count_at, sizeof count);
	if (count == 0)
		return;
	set(object, field->name,
	    field->kind == FIELD_MESSAGE ? metadata_json(items, count) : tags_json(items, count));
}

static int append(const char *data, size_t len, void *out)
{
	return buf_append(out, bytes_from(data, len)) == OK ? 0 : -1;
}

static json_t *message_json(const struct message *message, const void *from);

static void set_message(json_t *object, const struct field *field, const uint8_t *from)
{
	bool is_there = false;
	memcpy(&is_there, from + field->count_at, sizeof is_there);
	if (is_there)
		set(object, field->name, message_json(field->message, from + field->at));
}

static json_t *message_json(const struct message *message, const void *from)
{
	json_t *object = json_object();
	for (size_t i = 0; i < message->field_count; i++) {
		const struct field *field = &message->fields[i];
		if (field->count_max > 0)
			set_list(object, field, from);
		else if (field->kind == FIELD_MESSAGE)
			set_message(object, field, from);
		else
			set_single(object, field, (const uint8_t *)from + field->at);
	}
	return object;
}

static enum err to_json(const struct message *message, const void *from, struct buf *out)
{
	json_t *object = message_json(message, from);
	struct buf line; /* all or nothing for `out` */
	buf_init(&line, buf_room(out));
	enum err err = json_dump_callback(object, append, &line, JSON_COMPACT) == 0 ? OK : E_FULL;
	if (err == OK)
		err = buf_append(out, buf_bytes(&line));
	buf_done(&line);
	json_decref(object);
	return err;
}

enum err result_to_json(const struct result *result, struct buf *out)
{
	return to_json(&result_message, result, out);
}

enum err suppression_to_json(const struct suppression *suppression, struct buf *out)
{
	return to_json(&suppression_message, suppression, out);
}

enum err alert_state_to_json(const struct alert_state *state, struct buf *out)
{
	return to_json(&alert_state_message, state, out);
}

enum err bouncer_event_to_json(const struct bouncer_event *event, struct buf *out)
{
	return to_json(&bouncer_event_message, event, out);
}

/* ---- the echo ---- */

/* DEL is the one control character that JSON lets stand in ASCII, and texts of ours may not hold. */
static int append_without_del(const char *data, size_t len, void *out)
{
	for (size_t i = 0; i < len; i++) {
		enum err err = data[i] == 0x7f ? buf_append_text(out, "\\u007f")
					       : buf_append(out, bytes_from(&data[i], 1));
		if (err != OK)
			return -1;
	}
	return 0;
}

struct bytes echo_with(struct arena *arena, struct bytes echo, const struct result *result)
{
	const struct result told = {
		.event = result->event,
		.attempt = result->attempt,
		.code = result->code,
		.enhanced = result->enhanced,
		.text = result->text,
		.step = result->step,
		.remote_host = result->remote_host,
		.remote_address = result->remote_address,
		.source = result->source,
		.at_wall_ms = result->at_wall_ms,
	};
	if (echo.len == 0)
		return echo;
	struct buf longer;
	buf_init(&longer, SCHEMA_ECHO_MAX);
	json_t *object = message_json(&result_message, &told);
	bool fits = buf_append(&longer, echo) == OK && buf_append_text(&longer, "\n") == OK &&
		    json_dump_callback(object, append_without_del, &longer,
				       JSON_COMPACT | JSON_ENSURE_ASCII) == 0;
	if (fits)
		echo = arena_copy(arena, buf_bytes(&longer));
	json_decref(object);
	buf_done(&longer);
	return echo;
}
