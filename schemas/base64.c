/* Strict base 64: 4 characters to 3 bytes, the last group padded. */
#include "schemas/base64.h"

#define NOT_A_DIGIT 64

static uint32_t digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : NOT_A_DIGIT;
}

/* `count` digits, 2 to 4, as the high bits of 24. False when one is none, or when bits are left that no byte holds. */
static bool decode_group(const uint8_t *text, size_t count, uint8_t out[3])
{
	uint32_t bits = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t value = digit(text[i]);
		if (value == NOT_A_DIGIT)
			return false;
		bits |= value << (18 - 6 * i);
	}
	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	return (count > 2 || out[1] == 0) && (count > 3 || out[2] == 0);
}

enum err base64_decode(struct arena *arena, struct bytes text, struct bytes *ret)
{
	if (text.len % 4 != 0)
		return E_MALFORMED;
	size_t padding = 0;
	while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
		padding++;
	size_t whole = padding > 0 ? text.len - 4 : text.len;
	uint8_t *out = arena_alloc(arena, text.len / 4 * 3 + 1);
	size_t len = 0;
	for (size_t at = 0; at < whole; at += 4, len += 3)
		if (!decode_group(text.data + at, 4, out + len))
			return E_MALFORMED;
	if (padding > 0) {
		uint8_t last[3];
		if (!decode_group(text.data + whole, 4 - padding, last))
			return E_MALFORMED;
		for (size_t i = 0; i < 3 - padding; i++)
			out[len++] = last[i];
	}
	*ret = bytes_from(out, len);
	return OK;
}
