/* Header fields. A field is a line "name: value" and the lines after it that start with white space. */
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/mime/mime.h"

static struct bytes take_line(struct bytes *rest)
{
	ptrdiff_t end = bytes_find(*rest, '\n');
	size_t len = end < 0 ? rest->len : (size_t)end + 1;
	struct bytes line = bytes_first(*rest, len);
	*rest = bytes_skip(*rest, len);
	return line;
}

bool mime_is_name(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
			return false;
	return name.len > 0;
}

/* A line and those that continue it. */
static struct bytes take_folded(struct bytes *rest)
{
	struct bytes field = take_line(rest);
	while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
		field.len += take_line(rest).len;
	return field;
}

bool mime_field_next(struct bytes *header, struct bytes *ret_name, struct bytes *ret_value)
{
	while (header->len > 0) {
		struct bytes field = take_folded(header);
		ptrdiff_t colon = bytes_find(field, ':');
		if (colon <= 0)
			continue;
		struct bytes name = bytes_strip(bytes_first(field, (size_t)colon));
		if (!mime_is_name(name))
			continue;
		*ret_name = name;
		*ret_value = bytes_strip(bytes_skip(field, (size_t)colon + 1));
		return true;
	}
	return false;
}

bool mime_field(struct bytes header, const char *name, struct bytes *ret)
{
	struct bytes found, value;
	while (mime_field_next(&header, &found, &value))
		if (bytes_is_nocase(found, name)) {
			*ret = value;
			return true;
		}
	return false;
}

struct bytes mime_unfold(struct arena *arena, struct bytes value)
{
	uint8_t *out = arena_alloc(arena, value.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] != '\r' && value.data[i] != '\n') {
			out[len++] = value.data[i];
			continue;
		}
		while (i + 1 < value.len && ascii_is_white(value.data[i + 1]))
			i++;
		while (len > 0 && ascii_is_white(out[len - 1]))
			len--;
		out[len++] = ' ';
	}
	return bytes_from(out, len);
}

/* ---- parameters ---- */

/* One value at the front of *rest, quoted or not, copied as far as it fits. */
static void take_value(struct bytes *rest, char *out, size_t size)
{
	size_t i = 0, len = 0;
	bool is_quoted = rest->len > 0 && rest->data[0] == '"';
	for (i = is_quoted; i < rest->len; i++) {
		uint8_t c = rest->data[i];
		if (is_quoted ? c == '"' : c == ';' || ascii_is_white(c))
			break;
		if (c == '\\' && is_quoted && i + 1 < rest->len)
			c = rest->data[++i];
		if (c != '\r' && c != '\n' && len + 1 < size)
			out[len++] = (char)c;
	}
	out[len] = '\0';
	*rest = bytes_skip(*rest, i + is_quoted);
}

bool mime_parameter(struct bytes value, const char *name, char *out, size_t size)
{
	char other[2];
	ptrdiff_t at = bytes_find(value, ';');
	while (at >= 0) {
		value = bytes_strip(bytes_skip(value, (size_t)at + 1));
		ptrdiff_t equals = bytes_find(value, '=');
		if (equals < 0)
			return false;
		bool is_it = bytes_is_nocase(bytes_strip(bytes_first(value, (size_t)equals)), name);
		value = bytes_strip(bytes_skip(value, (size_t)equals + 1));
		take_value(&value, is_it ? out : other, is_it ? size : sizeof other);
		if (is_it)
			return true;
		at = bytes_find(value, ';');
	}
	return false;
}
