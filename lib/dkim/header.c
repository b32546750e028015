/* Lines end at a LF, and a line that begins with white space goes on with the field before it. */
#include "lib/dkim/header.h"

#include <string.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r'; /* a CR that ends no line will be a space */
}

/* Length of the line at the front, with what ends it. */
static size_t line_len(struct bytes b)
{
	ptrdiff_t lf = bytes_find(b, '\n');
	return lf < 0 ? b.len : (size_t)lf + 1;
}

/* 0: it is not empty. */
static size_t empty_line_len(struct bytes b)
{
	if (b.len >= 1 && b.data[0] == '\n')
		return 1;
	return b.len >= 2 && b.data[0] == '\r' && b.data[1] == '\n' ? 2 : 0;
}

static size_t field_len(struct bytes b)
{
	size_t len = line_len(b);
	while (len < b.len && is_blank(b.data[len]) && empty_line_len(bytes_skip(b, len)) == 0)
		len += line_len(bytes_skip(b, len));
	return len;
}

/* A field name with its colon; blanks may stand between them (RFC 5322 4.5). */
static bool read_name(struct header_field *field)
{
	struct bytes whole = field->whole;
	size_t len = 0;
	while (len < whole.len && whole.data[len] > ' ' && whole.data[len] < 127 &&
	       whole.data[len] != ':')
		len++;
	size_t colon = len;
	while (colon < whole.len && is_blank(whole.data[colon]))
		colon++;
	field->name = bytes_first(whole, len);
	field->value = bytes_skip(whole, colon + 1);
	return len > 0 && colon < whole.len && whole.data[colon] == ':';
}

enum err header_field_take(struct bytes *rest, struct header_field *ret)
{
	size_t empty = empty_line_len(*rest);
	*rest = bytes_skip(*rest, empty);
	if (empty > 0 || rest->len == 0)
		return E_NOT_FOUND;
	ret->whole = bytes_first(*rest, field_len(*rest));
	if (!read_name(ret))
		return E_MALFORMED;
	*rest = bytes_skip(*rest, ret->whole.len);
	return OK;
}

enum err header_field_find(struct bytes message, const char *name, struct header_field *ret)
{
	enum err err;
	while ((err = header_field_take(&message, ret)) == OK)
		if (bytes_is_nocase(ret->name, name))
			return OK;
	return err;
}

/* ---- as it goes out ---- */

static bool is_mended(struct bytes b)
{
	const uint8_t *at = b.data, *end = b.data + b.len;
	while (at < end && (at = memchr(at, '\r', (size_t)(end - at)))) {
		if (at + 1 == end || at[1] != '\n')
			return false;
		at += 2;
	}
	for (at = b.data; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
		if (at == b.data || at[-1] != '\r')
			return false;
	return b.len >= 2 && b.data[b.len - 1] == '\n';
}

static struct bytes mend(struct arena *arena, struct bytes b)
{
	uint8_t *out = arena_alloc(arena, 2 * b.len + 2), *to = out;
	for (size_t i = 0; i < b.len; i++) {
		bool is_pair = b.data[i] == '\r' && i + 1 < b.len && b.data[i + 1] == '\n';
		if (b.data[i] == '\n' || is_pair) {
			*to++ = '\r';
			*to++ = '\n';
			i += is_pair;
		} else {
			*to++ = b.data[i] == '\r' ? ' ' : b.data[i];
		}
	}
	if (to == out || to[-1] != '\n') {
		*to++ = '\r';
		*to++ = '\n';
	}
	return bytes_from(out, (size_t)(to - out));
}

static struct header_field keep(struct arena *arena, struct header_field field)
{
	if (is_mended(field.whole))
		return field;
	field.whole = mend(arena, field.whole);
	(void)read_name(&field);
	return field;
}

static enum err read_fields(struct arena *arena, struct bytes *rest, struct header *header)
{
	struct header_field field;
	enum err err;
	while ((err = header_field_take(rest, &field)) == OK) {
		if (header->field_count == HEADER_FIELDS_MAX)
			return E_TOO_BIG;
		header->fields[header->field_count++] = keep(arena, field);
	}
	return err == E_NOT_FOUND ? OK : err;
}

static size_t count_fields(struct bytes rest)
{
	struct header_field field;
	size_t count = 0;
	while (count < HEADER_FIELDS_MAX && header_field_take(&rest, &field) == OK)
		count++;
	return count;
}

enum err header_read(struct arena *arena, struct bytes message, struct header *ret, struct why *why)
{
	struct header header = {
		.fields = arena_zalloc(arena, count_fields(message), sizeof *header.fields)};
	enum err err = read_fields(arena, &message, &header);
	if (err == E_TOO_BIG)
		return fail(why, err, "the header has more than %d fields", HEADER_FIELDS_MAX);
	if (err != OK)
		return fail(why, err, "line of field %zu of the header is no field",
			    header.field_count + 1);
	header.body = message;
	*ret = header;
	return OK;
}
