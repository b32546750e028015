/* Questions are lines "name=value"; an answer begins with a line "since told dropped worker". */
#include "workers/taps/tap_word.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

struct row {
	const char *name;
	size_t offset, size; /* size 0: a bool */
};
#define TEXT_ROW(field)                                                                            \
	{                                                                                          \
#field, offsetof(struct tap_wish, field), sizeof((struct tap_wish *)NULL)->field   \
	}
#define BOOL_ROW(field)                                                                            \
	{                                                                                          \
#field, offsetof(struct tap_wish, field), 0                                        \
	}
static const struct row rows[] = {
	TEXT_ROW(id),	     BOOL_ROW(as_json), BOOL_ROW(has_headers),
	BOOL_ROW(ends),	     TEXT_ROW(site),	TEXT_ROW(domain),
	TEXT_ROW(recipient), TEXT_ROW(source),	TEXT_ROW(message),
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static enum err write_row(const struct tap_wish *wish, const struct row *row, struct buf *out)
{
	const char *at = (const char *)wish + row->offset;
	if (row->size == 0)
		return *(const bool *)at ? buf_printf(out, "%s=1\n", row->name) : OK;
	if (at[0] == '\0')
		return OK;
	if (strchr(at, '\n'))
		return E_MALFORMED;
	return buf_printf(out, "%s=%s\n", row->name, at);
}

enum err tap_wish_write(const struct tap_wish *wish, struct buf *out)
{
	enum err err = buf_append_text(out, TAP_QUESTION "\n");
	for (size_t i = 0; i < ROW_COUNT && !err; i++)
		err = write_row(wish, &rows[i], out);
	return err;
}

static bool read_row(struct bytes line, struct tap_wish *ret)
{
	ptrdiff_t equals = bytes_find(line, '=');
	if (equals < 0)
		return false;
	struct bytes name = bytes_first(line, (size_t)equals);
	struct bytes value = bytes_skip(line, (size_t)equals + 1);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char *at = (char *)ret + rows[i].offset;
		if (!bytes_is(name, rows[i].name))
			continue;
		if (rows[i].size > 0)
			return bytes_to_cstr(value, at, rows[i].size);
		*(bool *)at = bytes_is(value, "1");
		return true;
	}
	return false;
}

bool tap_wish_read(struct bytes text, struct tap_wish *ret)
{
	*ret = (struct tap_wish){0};
	while (text.len > 0) {
		ptrdiff_t end = bytes_find(text, '\n');
		if (end < 0 || !read_row(bytes_first(text, (size_t)end), ret))
			return false;
		text = bytes_skip(text, (size_t)end + 1);
	}
	return ret->id[0] != '\0' && (ret->ends || ret->site[0] || ret->domain[0] ||
				      ret->recipient[0] || ret->source[0] || ret->message[0]);
}

enum err tap_head_write(const struct tap_head *head, struct buf *out)
{
	return buf_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", head->since,
			  head->told_count, head->dropped_count, head->worker);
}

static bool take_number(struct bytes *line, uint64_t *ret)
{
	ptrdiff_t space = bytes_find(*line, ' ');
	if (space < 0 || !bytes_to_u64(bytes_first(*line, (size_t)space), UINT64_MAX, ret))
		return false;
	*line = bytes_skip(*line, (size_t)space + 1);
	return true;
}

bool tap_head_read(struct bytes answer, struct tap_head *ret, struct bytes *ret_lines)
{
	ptrdiff_t end = bytes_find(answer, '\n');
	if (end < 0)
		return false;
	struct bytes line = bytes_first(answer, (size_t)end);
	*ret_lines = bytes_skip(answer, (size_t)end + 1);
	return take_number(&line, &ret->since) && take_number(&line, &ret->told_count) &&
	       take_number(&line, &ret->dropped_count) && line.len > 0 &&
	       bytes_to_cstr(line, ret->worker, sizeof ret->worker);
}
