#include "ingest/http/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/http/instant.h"
#include "lib/base/base64.h"
#include "schemas/json_object.h"

#define DEPTH_MAX  64
#define VALUES_MAX 500000
#define NAME_SHOWN 40

/* ---- the document ---- */

enum err form_parse(struct bytes in, json_t **ret, struct why *why)
{
	return json_object_load(in, DEPTH_MAX, VALUES_MAX, JSON_REJECT_DUPLICATES, ret, why);
}

/* ---- places ---- */

/* A stranger's name is shown only when it is harmless. */
static const char *shown(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	size_t len = strlen(name);
	return len > 0 && len <= NAME_SHOWN && strspn(name, letters) == len ? name : "?";
}

enum err form_fail(const struct form *form, const struct form_place *place, enum err err,
		   const char *problem)
{
	char text[200];
	size_t start = sizeof text - 1; /* from its end: the innermost name is known first */
	text[start] = '\0';
	for (; place && place->name; place = place->parent) {
		char name[80];
		const char *dot = text[start] ? "." : "";
		int len = place->index < 0
				  ? snprintf(name, sizeof name, "%s%s", shown(place->name), dot)
				  : snprintf(name, sizeof name, "%s[%td]%s", shown(place->name),
					     place->index, dot);
		if (len < 0 || (size_t)len >= sizeof name || (size_t)len > start)
			break;
		start -= (size_t)len;
		memcpy(text + start, name, (size_t)len);
	}
	return fail(form->why, err, "%s%s%s", text + start, text[start] ? ": " : "", problem);
}

enum err form_missing(const struct form *form, const struct form_place *parent, const char *name)
{
	struct form_place place = {parent, name, -1};
	return form_fail(form, &place, E_MALFORMED, "missing");
}

/* ---- objects and lists ---- */

static const struct form_row *find_row(const struct form_row *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

enum err form_object(const struct form *form, json_t *json, const struct form_row *rows,
		     size_t row_count, void *to, const struct form_place *parent)
{
	const char *name;
	json_t *value;
	if (!json_is_object(json))
		return form_fail(form, parent, E_MALFORMED, "not an object");
	json_object_foreach(json, name, value)
	{
		struct form_place place = {parent, name, -1};
		const struct form_row *row = find_row(rows, row_count, name);
		if (!row)
			return form_fail(form, &place, E_MALFORMED, "unknown field");
		if (json_is_null(value))
			continue;
		enum err err = row->read(form, value, (uint8_t *)to + row->at, &place);
		if (err != OK)
			return err;
	}
	return OK;
}

enum err form_list(const struct form *form, json_t *json, size_t max, size_t item_size,
		   enum err (*read)(const struct form *, json_t *, void *,
				    const struct form_place *),
		   void **ret_items, size_t *ret_count, const struct form_place *parent)
{
	bool is_array = json_is_array(json);
	size_t count = is_array ? json_array_size(json) : 1;
	if (count > max)
		return form_fail(form, parent, E_TOO_BIG, "too many");
	uint8_t *items = arena_zalloc(form->arena, count, item_size);
	for (size_t i = 0; i < count; i++) {
		struct form_place place = *parent;
		place.index = is_array ? (ptrdiff_t)i : -1;
		enum err err = read(form, is_array ? json_array_get(json, i) : json,
				    items + i * item_size, &place);
		if (err != OK)
			return err;
	}
	*ret_items = items;
	*ret_count = count;
	return OK;
}

/* ---- values ---- */

struct bytes form_bytes(const json_t *text)
{
	return bytes_from(json_string_value(text), json_string_length(text));
}

/* The two line separators of Unicode break lines too. */
static bool has_control(struct bytes b, bool allow_breaks)
{
	for (size_t i = 0; !allow_breaks && i + 2 < b.len; i++)
		if (b.data[i] == 0xe2 && b.data[i + 1] == 0x80 &&
		    (b.data[i + 2] == 0xa8 || b.data[i + 2] == 0xa9))
			return true;
	return bytes_has_control(b, allow_breaks);
}

enum err form_text(const struct form *form, json_t *json, void *to, const struct form_place *place)
{
	if (!json_is_string(json))
		return form_fail(form, place, E_MALFORMED, "not a string");
	*(struct bytes *)to = arena_copy(form->arena, form_bytes(json));
	return OK;
}

enum err form_line(const struct form *form, json_t *json, void *to, const struct form_place *place)
{
	if (json_is_string(json) && has_control(form_bytes(json), false))
		return form_fail(form, place, E_MALFORMED,
				 "holds a line break or control character");
	return form_text(form, json, to, place);
}

enum err form_lines(const struct form *form, json_t *json, void *to, const struct form_place *place)
{
	if (json_is_string(json) && has_control(form_bytes(json), true))
		return form_fail(form, place, E_MALFORMED, "holds a control character");
	return form_text(form, json, to, place);
}

enum err form_check_name(const struct form *form, struct bytes name, const struct form_place *place)
{
	if (name.len > SCHEMA_NAME_MAX)
		return form_fail(form, place, E_MALFORMED, "too long");
	if (has_control(name, false))
		return form_fail(form, place, E_MALFORMED,
				 "holds a line break or control character");
	return OK;
}

enum err form_name(const struct form *form, json_t *json, void *to, const struct form_place *place)
{
	enum err err = json_is_string(json) ? form_check_name(form, form_bytes(json), place) : OK;
	return err == OK ? form_text(form, json, to, place) : err;
}

enum err form_flag(const struct form *form, json_t *json, void *to, const struct form_place *place)
{
	if (!json_is_boolean(json))
		return form_fail(form, place, E_MALFORMED, "not true or false");
	*(bool *)to = json_is_true(json);
	return OK;
}

enum err form_instant(const struct form *form, json_t *json, void *to,
		      const struct form_place *place)
{
	static const int64_t last_ms = INT64_C(253402300799999); /* of the year 9999 */
	int64_t wall_ms = -1;
	if (json_is_integer(json))
		wall_ms = json_integer_value(json);
	else if (!json_is_string(json) || !instant_parse(form_bytes(json), &wall_ms))
		wall_ms = -1;
	if (wall_ms < 0 || wall_ms > last_ms)
		return form_fail(form, place, E_MALFORMED,
				 "not a time as in RFC 3339, nor milliseconds since 1970");
	*(int64_t *)to = wall_ms;
	return OK;
}

enum err form_priority(const struct form *form, json_t *json, void *to_uint32,
		       const struct form_place *place)
{
	json_int_t value = json_integer_value(json);
	if (json_is_null(json))
		return OK;
	if (!json_is_integer(json) || value < -9 || value > 9)
		return form_fail(form, place, E_MALFORMED, "not a number from -9 to 9");
	*(uint32_t *)to_uint32 = (uint32_t)(value + 10);
	return OK;
}

enum err form_base64(const struct form *form, json_t *json, void *to,
		     const struct form_place *place)
{
	if (!json_is_string(json) ||
	    base64_decode(form->arena, form_bytes(json), (struct bytes *)to) != OK)
		return form_fail(form, place, E_MALFORMED, "not base 64");
	return OK;
}

/* ---- labels ---- */

static enum err read_tag(const struct form *form, json_t *json, void *to,
			 const struct form_place *place)
{
	if (json_is_string(json) && json_string_length(json) == 0)
		return form_fail(form, place, E_MALFORMED, "empty");
	return form_name(form, json, to, place);
}

enum err form_tags(const struct form *form, json_t *json, void *to, const struct form_place *place)
{
	struct labels *labels = to;
	void *items = NULL;
	enum err err = form_list(form, json, SCHEMA_TAGS_MAX, sizeof(struct bytes), read_tag,
				 &items, &labels->tag_count, place);
	labels->tags = items;
	return err;
}

/* The shortest text that reads as the same number. */
static struct bytes number_text(const struct form *form, const json_t *json)
{
	if (json_is_integer(json))
		return bytes_of(arena_printf(form->arena, "%" JSON_INTEGER_FORMAT,
					     json_integer_value(json)));
	for (int digits = 15;; digits++) {
		const char *text = arena_printf(form->arena, "%.*g", digits, json_real_value(json));
		if (digits == 17 || strtod(text, NULL) == json_real_value(json))
			return bytes_of(text);
	}
}

static enum err read_metadata_value(const struct form *form, json_t *json, struct bytes *to,
				    const struct form_place *place)
{
	if (json_is_boolean(json))
		*to = bytes_of(json_is_true(json) ? "true" : "false");
	else if (json_is_number(json))
		*to = number_text(form, json);
	else
		return form_line(form, json, to, place);
	return OK;
}

enum err form_pairs(const struct form *form, json_t *json, size_t max,
		    enum err (*read)(const struct form *, json_t *, struct pair *to,
				     const struct form_place *),
		    struct pair **ret_pairs, size_t *ret_count, const struct form_place *parent)
{
	const char *name;
	json_t *value;
	if (!json_is_object(json))
		return form_fail(form, parent, E_MALFORMED, "not an object");
	if (json_object_size(json) > max)
		return form_fail(form, parent, E_TOO_BIG, "too many");
	struct pair *pairs = arena_zalloc(form->arena, json_object_size(json), sizeof *pairs);
	size_t count = 0;
	json_object_foreach(json, name, value)
	{
		struct form_place place = {parent, name, -1};
		pairs[count].name = arena_copy(form->arena, bytes_of(name));
		enum err err = read(form, value, &pairs[count++], &place);
		if (err != OK)
			return err;
	}
	*ret_pairs = pairs;
	*ret_count = count;
	return OK;
}

static enum err read_metadata(const struct form *form, json_t *json, struct pair *to,
			      const struct form_place *place)
{
	if (to->name.len == 0 || to->name.len > SCHEMA_NAME_MAX || has_control(to->name, false))
		return form_fail(form, place, E_MALFORMED, "not a name");
	enum err err = read_metadata_value(form, json, &to->value, place);
	if (err == OK && to->value.len > SCHEMA_METADATA_VALUE_MAX)
		err = form_fail(form, place, E_MALFORMED, "too long");
	return err;
}

enum err form_metadata(const struct form *form, json_t *json, void *to,
		       const struct form_place *parent)
{
	struct labels *labels = to;
	return form_pairs(form, json, SCHEMA_METADATA_MAX, read_metadata, &labels->metadata,
			  &labels->metadata_count, parent);
}
