/* One byte after the other. */
#include "lib/mail/xtext.h"

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte at the front and how long it is written; 0: it is no xtext. */
static size_t take_byte(struct bytes text, uint8_t *ret)
{
	uint8_t c = text.data[0];
	if (c != '+') {
		*ret = c;
		return c > ' ' && c < 0x7f && c != '=' ? 1 : 0;
	}
	int high = text.len >= 3 ? hex_of(text.data[1]) : -1;
	int low = text.len >= 3 ? hex_of(text.data[2]) : -1;
	if (high < 0 || low < 0)
		return 0;
	*ret = (uint8_t)(high << 4 | low);
	return *ret >= ' ' && *ret < 0x7f ? 3 : 0;
}

bool xtext_is_valid(struct bytes text)
{
	while (text.len > 0) {
		uint8_t byte = 0;
		size_t len = take_byte(text, &byte);
		if (len == 0)
			return false;
		text = bytes_skip(text, len);
	}
	return true;
}

size_t xtext_decode(struct bytes text, uint8_t *out)
{
	size_t count = 0;
	while (text.len > 0) {
		size_t len = take_byte(text, &out[count]);
		if (len == 0)
			break;
		count++;
		text = bytes_skip(text, len);
	}
	return count;
}

enum err xtext_write(struct bytes decoded, struct buf *out)
{
	enum err err = OK;
	for (size_t i = 0; i < decoded.len && err == OK; i++) {
		uint8_t c = decoded.data[i];
		bool is_plain = c > ' ' && c < 0x7f && c != '+' && c != '=';
		err = is_plain ? buf_append(out, bytes_from(&c, 1)) : buf_printf(out, "+%02X", c);
	}
	return err;
}
