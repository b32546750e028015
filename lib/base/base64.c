/* 4 characters to 3 bytes, the last group padded. */
#include "lib/base/base64.h"

int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* `count` digits, 2 to 4, give count - 1 bytes. False when one is none, or when bits are left that no byte holds. */
static bool read_group(const uint8_t *text, size_t count, uint8_t *out)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < count; i++) {
		int digit = base64_digit(text[i]);
		if (digit < 0)
			return false;
		bits |= (uint32_t)digit << (18 - 6 * i);
	}
	for (size_t i = 0; i < 3; i++) {
		uint8_t byte = (uint8_t)(bits >> (16 - 8 * i));
		if (i < count - 1)
			out[i] = byte;
		else if (byte != 0)
			return false;
	}
	return true;
}

bool base64_read(struct bytes text, uint8_t *out, size_t *ret_len)
{
	size_t len = 0;
	if (text.len % 4 != 0)
		return false;
	for (size_t at = 0; at < text.len; at += 4) {
		size_t count = 4;
		while (at + 4 == text.len && count > 2 && text.data[at + count - 1] == '=')
			count--;
		if (!read_group(text.data + at, count, out + len))
			return false;
		len += count - 1;
	}
	*ret_len = len;
	return true;
}

enum err base64_decode(struct arena *arena, struct bytes text, struct bytes *ret)
{
	size_t len = 0;
	uint8_t *out = arena_alloc(arena, text.len / 4 * 3 + 1);
	if (!base64_read(text, out, &len))
		return E_MALFORMED;
	*ret = bytes_from(out, len);
	return OK;
}
