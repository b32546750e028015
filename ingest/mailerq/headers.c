/* See headers.h. The header is a list of fields, each with its folded lines; new ones are linked in, and the message is written anew
 * once. */
#include "ingest/mailerq/headers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "ingest/mailerq/value.h"

#define CHANGES_MAX 500 /* of one message: names times values */

struct mail_field {
	struct bytes name; /* none: no field, but what stands there */
	struct bytes text; /* with its line ends */
	struct mail_field *next;
};

struct edit {
	struct arena *arena;
	struct mail_field *first, **end;
	struct bytes rest; /* the empty line and the body */
	size_t change_count;
	struct why *why;
};

/* ---- reading ---- */

static struct bytes take_line(struct bytes *rest)
{
	ptrdiff_t end = bytes_find(*rest, '\n');
	struct bytes line = end < 0 ? *rest : bytes_first(*rest, (size_t)end + 1);
	*rest = bytes_skip(*rest, line.len);
	return line;
}

static bool is_name_byte(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

static struct bytes name_of(struct bytes line)
{
	ptrdiff_t colon = bytes_find(line, ':');
	if (colon <= 0)
		return BYTES_NONE;
	struct bytes name = bytes_trim(bytes_first(line, (size_t)colon));
	for (size_t i = 0; i < name.len; i++)
		if (!is_name_byte(name.data[i]))
			return BYTES_NONE;
	return name;
}

static struct mail_field *field_new(struct edit *edit, struct bytes name, struct bytes text)
{
	struct mail_field *field = arena_zalloc(edit->arena, 1, sizeof *field);
	field->name = name;
	field->text = text;
	return field;
}

static void append(struct edit *edit, struct mail_field *field)
{
	*edit->end = field;
	edit->end = &field->next;
}

static bool is_folded(struct bytes line)
{
	return line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
}

/* A line that is no field ends the header for whoever reads it; so it does here. */
static void read_header(struct edit *edit, struct bytes mime)
{
	struct mail_field *last = NULL;
	edit->end = &edit->first;
	edit->rest = mime;
	while (edit->rest.len > 0) {
		struct bytes before = edit->rest, line = take_line(&edit->rest);
		if (last && is_folded(line)) {
			last->text.len += line.len;
			continue;
		}
		struct bytes name = name_of(line);
		if (name.len == 0) {
			edit->rest = before;
			return;
		}
		last = field_new(edit, name, line);
		append(edit, last);
	}
}

/* ---- values ---- */

static enum err bad(struct edit *edit, const char *what, const char *problem)
{
	return fail(edit->why, E_MALFORMED, "headers.%s: %s", what, problem);
}

static enum err count_change(struct edit *edit)
{
	if (++edit->change_count > CHANGES_MAX)
		return fail(edit->why, E_TOO_BIG, "headers: more than %d changes", CHANGES_MAX);
	return OK;
}

/* "Name: value", of one line: what would begin another is refused. */
static enum err make_field(struct edit *edit, const char *what, struct bytes name, json_t *value,
			   struct mail_field **ret)
{
	char number[32] = "";
	struct bytes text = value_text(value);
	enum err err = count_change(edit);
	if (err != OK)
		return err;
	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
			       json_integer_value(value));
		text = bytes_of(number);
	} else if (!json_is_string(value)) {
		return bad(edit, what, "a value is no text");
	}
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] < ' ' && text.data[i] != '\t') || text.data[i] == 0x7f)
			return bad(edit, what, "a value holds a line break or a control character");
	size_t len = name.len + 2 + text.len + 2;
	uint8_t *line = arena_alloc(edit->arena, len), *at = line;
	memcpy(at, name.data, name.len);
	at += name.len;
	memcpy(at, ": ", 2);
	at += 2;
	if (text.len > 0)
		memcpy(at, text.data, text.len);
	memcpy(at + text.len, "\r\n", 2);
	*ret = field_new(edit, bytes_from(line, name.len), bytes_from(line, len));
	return OK;
}

static enum err check_name(struct edit *edit, const char *what, struct bytes name)
{
	if (name.len == 0)
		return bad(edit, what, "a name is missing");
	for (size_t i = 0; i < name.len; i++)
		if (!is_name_byte(name.data[i]))
			return bad(edit, what, "a name cannot be that of a header field");
	return OK;
}

/* ---- changes ---- */

/* Takes out all fields of a name; gives the place where the first one stood, or NULL. */
static struct mail_field **take_out(struct edit *edit, struct bytes name)
{
	struct mail_field **place = NULL, **link = &edit->first;
	while (*link) {
		if (!bytes_equal_nocase((*link)->name, name)) {
			link = &(*link)->next;
			continue;
		}
		*link = (*link)->next;
		place = place ? place : link;
	}
	edit->end = link;
	return place;
}

static enum err remove_fields(struct edit *edit, json_t *names)
{
	for (size_t i = 0; i < value_count(names); i++) {
		struct bytes name = value_text(value_item(names, i));
		enum err err = check_name(edit, "remove", name);
		if (err == OK)
			err = count_change(edit);
		if (err != OK)
			return err;
		(void)take_out(edit, name);
	}
	return OK;
}

typedef enum err (*change_function)(struct edit *edit, const char *what, struct bytes name,
				    json_t *values);

static enum err put(struct edit *edit, const char *what, struct bytes name, json_t *values,
		    struct mail_field **place)
{
	for (size_t i = 0; i < value_count(values); i++) {
		struct mail_field *field = NULL;
		enum err err = make_field(edit, what, name, value_item(values, i), &field);
		if (err != OK)
			return err;
		assert(field);
		field->next = *place;
		*place = field;
		if (edit->end == place)
			edit->end = &field->next;
		place = &field->next;
	}
	return OK;
}

static enum err prepend(struct edit *edit, const char *what, struct bytes name, json_t *values)
{
	return put(edit, what, name, values, &edit->first);
}

static enum err append_all(struct edit *edit, const char *what, struct bytes name, json_t *values)
{
	return put(edit, what, name, values, edit->end);
}

static enum err replace(struct edit *edit, const char *what, struct bytes name, json_t *values)
{
	struct mail_field **place = take_out(edit, name);
	return put(edit, what, name, values, place ? place : edit->end);
}

static enum err update(struct edit *edit, const char *what, struct bytes name, json_t *values)
{
	struct mail_field **place = take_out(edit, name);
	return place ? put(edit, what, name, values, place) : OK;
}

static enum err change_each(struct edit *edit, json_t *edits, const char *what,
			    change_function change)
{
	json_t *fields = json_object_get(edits, what), *values;
	const char *name;
	if (value_is_empty(fields))
		return OK;
	if (!json_is_object(fields))
		return bad(edit, what, "not an object");
	json_object_foreach(fields, name, values)
	{
		enum err err = check_name(edit, what, bytes_of(name));
		if (err == OK)
			err = change(edit, what, bytes_of(name), values);
		if (err != OK)
			return err;
	}
	return OK;
}

static enum err change_all(struct edit *edit, json_t *edits)
{
	static const struct {
		const char *what;
		change_function change;
	} changes[] = {{"replace", replace},
		       {"update", update},
		       {"prepend", prepend},
		       {"append", append_all},
		       {"add", append_all}};
	enum err err = remove_fields(edit, json_object_get(edits, "remove"));
	for (size_t i = 0; i < sizeof changes / sizeof changes[0] && err == OK; i++)
		err = change_each(edit, edits, changes[i].what, changes[i].change);
	return err;
}

/* ---- writing ---- */

static struct bytes write_message(struct edit *edit)
{
	size_t len = edit->rest.len + 2;
	for (struct mail_field *field = edit->first; field; field = field->next)
		len += field->text.len + 2;
	uint8_t *out = arena_alloc(edit->arena, len), *at = out;
	for (struct mail_field *field = edit->first; field; field = field->next) {
		memcpy(at, field->text.data, field->text.len);
		at += field->text.len;
		if (at[-1] != '\n') { /* the last line of a message without a body */
			memcpy(at, "\r\n", 2);
			at += 2;
		}
	}
	if (edit->rest.len > 0)
		memcpy(at, edit->rest.data, edit->rest.len);
	return bytes_from(out, (size_t)(at - out) + edit->rest.len);
}

enum err headers_edit(struct arena *arena, json_t *edits, struct bytes mime, struct bytes *ret,
		      struct why *why)
{
	struct edit edit = {.arena = arena, .why = why};
	*ret = mime;
	if (value_is_empty(edits))
		return OK;
	if (!json_is_object(edits))
		return fail(why, E_MALFORMED, "headers: not an object");
	read_header(&edit, mime);
	enum err err = change_all(&edit, edits);
	if (err == OK)
		*ret = write_message(&edit);
	return err;
}
