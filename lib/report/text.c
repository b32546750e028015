/* Looking through text that anybody may have written. */
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/report/inner.h"

#define SIDE_MAX 256 /* bytes of an address on either side of its '@' */

bool text_has(struct bytes text, const char *phrase)
{
	size_t len = strlen(phrase);
	uint8_t upper = (uint8_t)(phrase[0] >= 'a' && phrase[0] <= 'z' ? phrase[0] - ('a' - 'A')
								       : phrase[0]);
	for (size_t at = 0; at + len <= text.len; at++) {
		if (text.data[at] != (uint8_t)phrase[0] && text.data[at] != upper)
			continue;
		size_t k = 1;
		while (k < len && ascii_lower(text.data[at + k]) == (uint8_t)phrase[k])
			k++;
		if (k == len)
			return true;
	}
	return false;
}

bool text_has_any(struct bytes text, const char *const *phrases)
{
	for (; *phrases; phrases++)
		if (text_has(text, *phrases))
			return true;
	return false;
}

struct bytes text_line(struct bytes *rest)
{
	ptrdiff_t end = bytes_find(*rest, '\n');
	size_t len = end < 0 ? rest->len : (size_t)end;
	struct bytes line = bytes_first(*rest, len);
	*rest = bytes_skip(*rest, len + 1);
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

struct bytes text_trim(struct bytes text)
{
	while (text.len > 0 && text_is_space(text.data[0]))
		text = bytes_skip(text, 1);
	while (text.len > 0 && text_is_space(text.data[text.len - 1]))
		text.len--;
	return text;
}

struct bytes text_one_line(struct arena *arena, struct bytes text, size_t max)
{
	uint8_t *out = arena_alloc(arena, (text.len < max ? text.len : max) + 1);
	size_t len = 0;
	text = text_trim(text);
	for (size_t i = 0; i < text.len && len < max; i++) {
		bool is_gap = text_is_space(text.data[i]);
		if (is_gap && len > 0 && out[len - 1] == ' ')
			continue;
		out[len++] = is_gap ? ' ' : text.data[i];
	}
	return bytes_from(out, len);
}

/* ---- addresses ---- */

static bool is_address_byte(uint8_t c)
{
	return c > ' ' && c != 0x7f && !strchr("<>()[]{},;:\"'|\\@`", c);
}

static bool is_domain_byte(uint8_t c)
{
	return ascii_is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c >= 0x80;
}

/* Where the local part in front of the '@' begins: at the '@', if there is none. */
static size_t plain_start(struct bytes text, size_t sign)
{
	size_t start = sign;
	while (start > 0 && is_address_byte(text.data[start - 1]) && sign - start < SIDE_MAX)
		start--;
	while (start < sign && (text.data[start] == '.' || text.data[start] == '*'))
		start++;
	return start;
}

/* The same of "in quotes"@, with its quotes. */
static size_t quoted_start(struct bytes text, size_t sign)
{
	size_t start = sign - 1;
	while (start > 0 && text.data[start - 1] != '"' && text.data[start - 1] >= ' ' &&
	       sign - start < SIDE_MAX)
		start--;
	return start > 0 && text.data[start - 1] == '"' ? start - 1 : sign;
}

static size_t domain_end(struct bytes text, size_t sign)
{
	size_t end = sign + 1;
	while (end < text.len && is_domain_byte(text.data[end]) && end - sign < SIDE_MAX)
		end++;
	while (end > sign + 1 && (text.data[end - 1] == '.' || text.data[end - 1] == '-'))
		end--;
	return end;
}

static bool address_around(struct bytes text, size_t sign, struct bytes *ret)
{
	bool is_quoted = sign > 1 && text.data[sign - 1] == '"';
	size_t start = is_quoted ? quoted_start(text, sign) : plain_start(text, sign);
	size_t end = domain_end(text, sign);
	*ret = bytes_from(text.data + start, end - start);
	return start < sign && end > sign + 1;
}

bool text_address(struct bytes text, size_t *at, struct bytes *ret)
{
	while (*at < text.len) {
		const uint8_t *sign = memchr(text.data + *at, '@', text.len - *at);
		if (!sign)
			break;
		size_t index = (size_t)(sign - text.data);
		*at = index + 1;
		if (address_around(text, index, ret)) {
			*at = (size_t)(ret->data - text.data) + ret->len;
			return true;
		}
	}
	*at = text.len;
	return false;
}
