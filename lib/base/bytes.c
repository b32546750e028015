/* Borrowed runs of bytes. Pure. */
#include "lib/base/bytes.h"

#include <string.h>

#include "lib/base/ascii.h"

struct bytes bytes_of(const char *text)
{
	return text ? bytes_from(text, strlen(text)) : BYTES_NONE;
}

struct bytes bytes_from(const void *data, size_t len)
{
	return (struct bytes){data, len};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	return true;
}

bool bytes_is(struct bytes b, const char *text)
{
	return bytes_equal(b, bytes_of(text));
}

bool bytes_is_nocase(struct bytes b, const char *text)
{
	return bytes_equal_nocase(b, bytes_of(text));
}

bool bytes_starts_with_nocase(struct bytes b, const char *prefix)
{
	struct bytes p = bytes_of(prefix);
	return b.len >= p.len && bytes_equal_nocase(bytes_first(b, p.len), p);
}

struct bytes bytes_skip(struct bytes b, size_t count)
{
	if (count >= b.len)
		return BYTES_NONE;
	return bytes_from(b.data + count, b.len - count);
}

struct bytes bytes_first(struct bytes b, size_t count)
{
	return bytes_from(b.data, count < b.len ? count : b.len);
}

static struct bytes without(struct bytes b, bool (*is_unwanted)(int c))
{
	while (b.len > 0 && is_unwanted(b.data[0]))
		b = bytes_skip(b, 1);
	while (b.len > 0 && is_unwanted(b.data[b.len - 1]))
		b.len--;
	return b;
}

struct bytes bytes_trim(struct bytes b)
{
	return without(b, ascii_is_blank);
}

struct bytes bytes_strip(struct bytes b)
{
	return without(b, ascii_is_white);
}

int bytes_hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

ptrdiff_t bytes_find(struct bytes b, uint8_t c)
{
	const uint8_t *at = b.len > 0 ? memchr(b.data, c, b.len) : NULL;
	return at ? at - b.data : -1;
}

bool bytes_is_ascii(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] >= 0x80)
			return false;
	return true;
}

/* Length of the well-formed sequence at the start of b (RFC 3629 section 4), or 0. */
static size_t utf8_sequence(struct bytes b)
{
	static const struct {
		uint8_t first_min, first_max, second_min, second_max, len;
	} forms[] = {
		{0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (b.data[0] < forms[i].first_min || b.data[0] > forms[i].first_max)
			continue;
		size_t len = forms[i].len;
		if (b.len < len)
			return 0;
		if (len > 1 && (b.data[1] < forms[i].second_min || b.data[1] > forms[i].second_max))
			return 0;
		for (size_t k = 2; k < len; k++)
			if ((b.data[k] & 0xc0) != 0x80)
				return 0;
		return len;
	}
	return 0;
}

bool bytes_is_utf8(struct bytes b)
{
	while (b.len > 0) {
		size_t len = utf8_sequence(b);
		if (len == 0)
			return false;
		b = bytes_skip(b, len);
	}
	return true;
}

bool bytes_to_u64(struct bytes b, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	if (b.len == 0)
		return false;
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] < '0' || b.data[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(b.data[i] - '0');
		if (value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

bool bytes_to_cstr(struct bytes b, char *out, size_t size)
{
	out[0] = '\0';
	if (b.len >= size || bytes_find(b, 0) >= 0)
		return false;
	if (b.len > 0)
		memcpy(out, b.data, b.len);
	out[b.len] = '\0';
	return true;
}

bool bytes_has_control(struct bytes b, bool allow_breaks)
{
	for (size_t i = 0; i < b.len; i++) {
		uint8_t c = b.data[i];
		bool is_break = c == '\n' || c == '\r' || c == '\t';
		if ((c < ' ' && !(allow_breaks && is_break)) || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < b.len && b.data[i + 1] < 0xa0)
			return true;
	}
	return false;
}
