/* See suppression_csv.h. */
#include "schemas/suppression_csv.h"

#include <string.h>

#include "lib/base/clock.h"

enum field {
	NO_FIELD,
	ADDRESS,
	TENANT,
	STREAM,
	REASON,
	CREATED,
	EXPIRES,
	EVIDENCE,
	MESSAGE_ID,
	RULE,
	SITE,
};

static const struct {
	const char *name;
	enum field field;
} names[] = {
	{"address", ADDRESS},	{"email", ADDRESS},	    {"recipient", ADDRESS},
	{"sha256", ADDRESS},	{"tenant", TENANT},	    {"stream", STREAM},
	{"reason", REASON},	{"created", CREATED},	    {"expires", EXPIRES},
	{"evidence", EVIDENCE}, {"message_id", MESSAGE_ID}, {"rule", RULE},
	{"site", SITE},
};

const char suppression_csv_names[] =
	"address,tenant,stream,reason,created,expires,evidence,message_id,rule,site";

#define DIGEST_DIGITS 64

/* ---- reading ---- */

/* The value in front; *rest is behind its comma, *ret_has_more tells whether there was one. */
static enum err take_value(struct arena *arena, struct bytes *rest, struct bytes *ret,
			   bool *ret_has_more)
{
	struct bytes in = *rest;
	size_t at = 0;
	if (in.len == 0 || in.data[0] != '"') {
		ptrdiff_t comma = bytes_find(in, ',');
		at = comma < 0 ? in.len : (size_t)comma;
		*ret = bytes_trim(bytes_first(in, at));
	} else {
		uint8_t *out = arena_alloc(arena, in.len);
		size_t len = 0;
		for (at = 1; at < in.len; at++) {
			if (in.data[at] == '"' && (at + 1 == in.len || in.data[at + 1] != '"'))
				break;
			at += in.data[at] == '"';
			out[len++] = in.data[at];
		}
		if (at++ >= in.len)
			return E_MALFORMED; /* no closing quote */
		*ret = bytes_from(out, len);
	}
	*ret_has_more = at < in.len;
	if (*ret_has_more && in.data[at] != ',')
		return E_MALFORMED;
	*rest = bytes_skip(in, at + *ret_has_more);
	return OK;
}

static enum field field_of(struct bytes name)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (bytes_is_nocase(name, names[i].name))
			return names[i].field;
	return NO_FIELD;
}

static bool is_digest(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (bytes_hex_digit(text.data[i]) < 0)
			return false;
	return text.len == DIGEST_DIGITS;
}

static bool set_time(struct bytes value, int64_t *ret)
{
	return value.len == 0 || clock_parse_rfc3339(value, ret);
}

static bool set(struct suppression *suppression, struct arena *arena, unsigned field,
		struct bytes value)
{
	struct bytes *const texts[] = {
		[ADDRESS] = &suppression->address,   [TENANT] = &suppression->tenant,
		[STREAM] = &suppression->stream,     [REASON] = &suppression->reason,
		[EVIDENCE] = &suppression->evidence, [MESSAGE_ID] = &suppression->message_id,
		[RULE] = &suppression->rule,	     [SITE] = &suppression->site};
	if (field == NO_FIELD)
		return true;
	if (field == CREATED)
		return set_time(value, &suppression->created_wall_ms);
	if (field == EXPIRES)
		return set_time(value, &suppression->expires_wall_ms);
	if (field == ADDRESS && is_digest(value))
		value = bytes_of(arena_printf(arena, "%s%.*s", SUPPRESSION_DIGEST_PREFIX,
					      BYTES_ARGS(value)));
	*texts[field] = arena_copy(arena, value);
	return true;
}

/* True: it names columns. */
static enum err read_names(struct suppression_csv *csv, struct arena *arena, struct bytes line,
			   bool *ret_is_names)
{
	bool has_address = false, has_more = true;
	csv->has_columns = true;
	for (csv->column_count = 0; has_more; csv->column_count++) {
		struct bytes value;
		if (csv->column_count == CSV_COLUMNS_MAX)
			return E_TOO_BIG;
		enum err err = take_value(arena, &line, &value, &has_more);
		if (err)
			return err;
		csv->columns[csv->column_count] = field_of(value);
		has_address |= csv->columns[csv->column_count] == ADDRESS;
	}
	*ret_is_names = has_address;
	if (!has_address) {
		memset(csv->columns, 0, sizeof csv->columns);
		csv->columns[0] = ADDRESS;
	}
	return OK;
}

static enum err read_values(const struct suppression_csv *csv, struct arena *arena,
			    struct bytes line, struct suppression *ret, struct why *why)
{
	bool has_more = true;
	for (size_t column = 0; has_more; column++) {
		struct bytes value;
		if (take_value(arena, &line, &value, &has_more))
			return fail(why, E_MALFORMED, "quotes that do not match");
		if (column < csv->column_count && !set(ret, arena, csv->columns[column], value))
			return fail(why, E_MALFORMED, "a time that is not as 2026-11-21T09:00:00Z");
	}
	return ret->address.len > 0 ? OK : fail(why, E_MALFORMED, "no address");
}

enum err suppression_csv_read(struct suppression_csv *csv, struct arena *arena, struct bytes line,
			      struct suppression *ret, struct why *why)
{
	bool is_names = false;
	line = bytes_strip(line);
	if (!csv->has_columns && line.len >= 3 && memcmp(line.data, "\xef\xbb\xbf", 3) == 0)
		line = bytes_skip(line, 3); /* a mark that some programs begin a file with */
	if (line.len == 0)
		return E_NOT_FOUND;
	if (!csv->has_columns) {
		enum err err = read_names(csv, arena, line, &is_names);
		if (err)
			return fail(why, err, "not a line of CSV");
	}
	if (is_names)
		return E_NOT_FOUND;
	*ret = (struct suppression){0};
	return read_values(csv, arena, line, ret, why);
}

/* ---- writing ---- */

static enum err append_value(struct buf *out, struct bytes value, bool is_last)
{
	enum err err = buf_append(out, BYTES("\""));
	for (size_t i = 0; i < value.len && !err; i++) {
		uint8_t c = value.data[i] < ' ' ? ' ' : value.data[i];
		err = buf_append(out, c == '"' ? BYTES("\"\"") : bytes_from(&c, 1));
	}
	return err ? err : buf_append(out, is_last ? BYTES("\"\n") : BYTES("\","));
}

enum err suppression_csv_write(const struct suppression *suppression, struct buf *out)
{
	char created[CLOCK_RFC3339_SIZE] = "", expires[CLOCK_RFC3339_SIZE] = "";
	if (suppression->created_wall_ms > 0)
		clock_rfc3339(suppression->created_wall_ms, created);
	if (suppression->expires_wall_ms > 0)
		clock_rfc3339(suppression->expires_wall_ms, expires);
	const struct bytes values[] = {
		suppression->address,  suppression->tenant,	suppression->stream,
		suppression->reason,   bytes_of(created),	bytes_of(expires),
		suppression->evidence, suppression->message_id, suppression->rule,
		suppression->site,
	};
	size_t count = sizeof values / sizeof values[0];
	enum err err = OK;
	for (size_t i = 0; i < count && !err; i++)
		err = append_value(out, values[i], i + 1 == count);
	return err;
}
