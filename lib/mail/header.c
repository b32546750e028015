/* Lines are found by memchr; a line that begins with a blank belongs to the field before it. */
#include "lib/mail/header.h"

#include <string.h>

#include "lib/base/ascii.h"
#include "lib/mime/mime.h"

/* Bytes of the line at the front, its LF included. */
static size_t line_length(struct bytes b)
{
	ptrdiff_t lf = bytes_find(b, '\n');
	return lf < 0 ? b.len : (size_t)lf + 1;
}

static struct bytes without_line_end(struct bytes b)
{
	if (b.len > 0 && b.data[b.len - 1] == '\n')
		b.len--;
	if (b.len > 0 && b.data[b.len - 1] == '\r')
		b.len--;
	return b;
}

bool header_next(struct bytes *rest, struct header_field *ret)
{
	if (rest->len == 0 || rest->data[0] == '\r' || rest->data[0] == '\n')
		return false;
	size_t len = line_length(*rest);
	while (len < rest->len && ascii_is_blank(rest->data[len]))
		len += line_length(bytes_skip(*rest, len));
	*ret = (struct header_field){.whole = bytes_first(*rest, len)};
	*rest = bytes_skip(*rest, len);
	ptrdiff_t colon = bytes_find(ret->whole, ':');
	struct bytes name = bytes_first(ret->whole, colon < 0 ? 0 : (size_t)colon);
	while (name.len > 0 && ascii_is_blank(name.data[name.len - 1]))
		name.len--; /* RFC 5322 4.5 */
	if (!mime_is_name(name))
		return true;
	ret->name = name;
	ret->value = without_line_end(bytes_skip(ret->whole, (size_t)colon + 1));
	return true;
}

struct bytes header_unfold(struct arena *arena, struct bytes value)
{
	if (bytes_find(value, '\n') < 0)
		return bytes_trim(value);
	uint8_t *line = arena_alloc(arena, value.len);
	size_t len = 0;
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] != '\r' && value.data[i] != '\n')
			line[len++] = value.data[i] == '\t' ? ' ' : value.data[i];
	return bytes_trim(bytes_from(line, len));
}

size_t header_length(struct bytes in, size_t from)
{
	static const char end[] = "\r\n\r\n";
	if (in.len >= 2 && memcmp(in.data, end, 2) == 0)
		return 2; /* no field at all */
	size_t start = from > 3 ? from - 3 : 0;
	struct bytes window = bytes_skip(in, start);
	const uint8_t *found = window.len > 0 ? memmem(window.data, window.len, end, 4) : NULL;
	return found ? (size_t)(found - in.data) + 4 : 0;
}
