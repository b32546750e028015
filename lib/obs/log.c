/* Log lines. A line is built on the stack and written with one write(2), so that lines of threads and of processes that share a
 * pipe do not mix (PIPE_BUF is 4096). A line that would be longer loses its last fields, never its form. */
#include "lib/obs/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/obs/registry.h"

#define LINE_MAX_BYTES 4096
#define FIELD_TEXT_MAX 700 /* remote text is cut here */

struct event_row {
	const char *name;
	enum log_level level;
	const char *labels;
	const char *help;
};

static const struct event_row rows[] = {
#define X(name, level, labels, help) {#name, level, labels, help},
#include "lib/obs/events.def"
#undef X
};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static enum log_level lowest_level = LOG_INFO;
static bool writes_json;
static const char *process_role = "leveret";
static _Thread_local const char *thread_role;

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

void log_init(enum log_level lowest, enum log_format format, const char *role)
{
	lowest_level = lowest;
	writes_json =
		format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !isatty(STDERR_FILENO));
	process_role = role;
}

void log_set_role(const char *role)
{
	thread_role = role;
}

const char *event_name(enum event event)
{
	return rows[event].name;
}

/* ---- escaping ---- */

/* Bytes of the well-formed UTF-8 character at the start of b, or 0. */
static size_t character_length(struct bytes b)
{
	for (size_t len = 1; len <= 4 && len <= b.len; len++)
		if (bytes_is_utf8(bytes_first(b, len)))
			return len;
	return 0;
}

/* One character of b as JSON into out (8 bytes are enough); *ret_used is what it took. */
static size_t escape_character(struct bytes b, char out[8], size_t *ret_used)
{
	uint8_t c = b.data[0];
	*ret_used = 1;
	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if (c < 0x20 || c == 0x7f) {
		static const char hex[] = "0123456789abcdef";
		memcpy(out, "\\u00", 4);
		out[4] = hex[c >> 4];
		out[5] = hex[c & 15];
		return 6;
	}
	size_t len = c < 0x80 ? 1 : character_length(b);
	if (len == 0) {
		memcpy(out, "\\ufffd", 6);
		return 6;
	}
	memcpy(out, b.data, len);
	*ret_used = len;
	return len;
}

size_t log_escape_json(struct bytes b, char *out, size_t size)
{
	size_t len = 0;
	while (b.len > 0) {
		char piece[8];
		size_t used = 0;
		size_t piece_len = escape_character(b, piece, &used);
		if (len + piece_len >= size)
			break;
		memcpy(out + len, piece, piece_len);
		len += piece_len;
		b = bytes_skip(b, used);
	}
	out[len] = '\0';
	return len;
}

/* ---- one line ---- */

static bool put(struct line *line, const char *text, size_t len)
{
	if (line->len + len > sizeof line->text - 3) /* room for a final "}\n" stays */
		return false;
	memcpy(line->text + line->len, text, len);
	line->len += len;
	return true;
}

static bool put_text(struct line *line, const char *text)
{
	return put(line, text, strlen(text));
}

/* In the key=value form a value without blanks, quotes and '=' needs no quotes. */
static bool is_bare(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] <= ' ' || b.data[i] >= 0x7f || strchr("\"\\=", b.data[i]))
			return false;
	return b.len > 0;
}

static bool put_value(struct line *line, const struct log_field *field)
{
	char number[24];
	char escaped[FIELD_TEXT_MAX * 2];
	switch (field->type) {
	case LOG_FIELD_INT:
		(void)snprintf(number, sizeof number, "%" PRId64, field->number);
		return put_text(line, number);
	case LOG_FIELD_BOOL:
		return put_text(line, field->number ? "true" : "false");
	case LOG_FIELD_TEXT:
		break;
	}
	size_t len =
		log_escape_json(bytes_first(field->text, FIELD_TEXT_MAX), escaped, sizeof escaped);
	if (!writes_json && is_bare(bytes_from(escaped, len)))
		return put(line, escaped, len);
	return put_text(line, "\"") && put(line, escaped, len) && put_text(line, "\"");
}

static void put_field(struct line *line, const struct log_field *field)
{
	size_t before = line->len;
	bool fits = writes_json ? put_text(line, ",\"") && put_text(line, field->name) &&
					  put_text(line, "\":")
				: put_text(line, " ") && put_text(line, field->name) &&
					  put_text(line, "=");
	if (!fits || !put_value(line, field))
		line->len = before;
}

static void put_start(struct line *line, const struct event_row *row)
{
	char at[CLOCK_RFC3339_SIZE];
	const char *role = thread_role ? thread_role : process_role;
	clock_rfc3339(clock_wall_ms(clock_system()), at);
	int len = snprintf(
		line->text, sizeof line->text,
		writes_json ? "{\"at\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"event\":\"%s\""
			    : "%s %s %s %s",
		at, level_names[row->level], role, row->name);
	line->len = (size_t)len;
}

static void write_line(const struct event_row *row, const struct log_field *fields)
{
	struct line line;
	put_start(&line, row);
	for (const struct log_field *field = fields; field->name; field++)
		put_field(&line, field);
	if (writes_json)
		line.text[line.len++] = '}';
	line.text[line.len++] = '\n';
	/* A log that cannot be written must not stop the mail. */
	ssize_t written = write(STDERR_FILENO, line.text, line.len);
	(void)written;
}

/* ---- the counter of an event ---- */

static const struct log_field *field_named(const struct log_field *fields, const char *name,
					   size_t len)
{
	for (; fields->name; fields++)
		if (strlen(fields->name) == len && memcmp(fields->name, name, len) == 0)
			return fields;
	return NULL;
}

/* A call without the field of a label counts under "": a slip in how a rare fault is told must not end the process
 * (tools/events finds such calls). */
static void label_value(const struct log_field *field, char out[REGISTRY_VALUE_MAX])
{
	if (field && field->type == LOG_FIELD_TEXT)
		(void)snprintf(out, REGISTRY_VALUE_MAX, "%.*s",
			       (int)bytes_first(field->text, REGISTRY_VALUE_MAX - 1).len,
			       field->text.data ? (const char *)field->text.data : "");
	else if (field)
		(void)snprintf(out, REGISTRY_VALUE_MAX, "%" PRId64, field->number);
	else
		out[0] = '\0';
}

static void count_event(enum event event, const struct log_field *fields)
{
	char values[REGISTRY_LABELS_MAX][REGISTRY_VALUE_MAX];
	const char *pointers[REGISTRY_LABELS_MAX];
	size_t count = 0;
	for (const char *label = rows[event].labels; *label; count++) {
		size_t len = strcspn(label, ",");
		assert(count < REGISTRY_LABELS_MAX);
		label_value(field_named(fields, label, len), values[count]);
		pointers[count] = values[count];
		label += len + (label[len] == ',');
	}
	registry_add(REGISTRY_EVENT(event), pointers, 1);
}

void log_event_fields(enum event event, const struct log_field *fields)
{
	const struct event_row *row = &rows[event];
	if (row->labels)
		count_event(event, fields);
	if (row->level >= lowest_level)
		write_line(row, fields);
}
