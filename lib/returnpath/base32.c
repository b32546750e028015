/* Five bits at a time, from the top. */
#include "lib/returnpath/base32.h"

#include <assert.h>
#include <string.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static int value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		c = (uint8_t)(c + ('a' - 'A'));
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

void base32_write(struct bytes bytes, char *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	assert(bytes.len % 5 == 0);
	for (size_t i = 0; i < bytes.len; i++) {
		bits = bits << 8 | bytes.data[i];
		for (count += 8; count >= 5; count -= 5)
			*out++ = alphabet[bits >> (count - 5) & 31];
	}
}

bool base32_read(struct bytes text, uint8_t *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	assert(text.len % 8 == 0);
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.data[i]);
		if (value < 0)
			return false;
		bits = bits << 5 | (uint32_t)value;
		count += 5;
		if (count >= 8) {
			count -= 8;
			*out++ = (uint8_t)(bits >> count);
		}
	}
	return true;
}

/* 26 characters are 130 bits: the first two are 0. */
bool base32_read_id(struct bytes text, uint8_t out[16])
{
	uint32_t bits = 0;
	unsigned count = 0;
	if (text.len != 26 || value_of(text.data[0]) < 0 || value_of(text.data[0]) > 7)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.data[i]);
		if (value < 0)
			return false;
		bits = bits << 5 | (uint32_t)value;
		count += i == 0 ? 3 : 5;
		if (count >= 8) {
			count -= 8;
			*out++ = (uint8_t)(bits >> count);
		}
	}
	return true;
}

void base32_write_id(const uint8_t id[16], char out[27])
{
	uint32_t bits = 0;
	unsigned count = 2;
	for (size_t i = 0; i < 16; i++) {
		bits = bits << 8 | id[i];
		for (count += 8; count >= 5; count -= 5) {
			char c = alphabet[bits >> (count - 5) & 31];
			*out++ = c >= 'a' ? (char)(c - ('a' - 'A')) : c;
		}
	}
	*out = '\0';
}
