/* The reply parser takes whole lines only, so a line that is not complete stays with the caller and no line is kept here. What it
 * keeps is the reply as far as it is known, bounded by its own size. */
#include "lib/mail/reply.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/ascii.h"

#define CODE_LEN 3

void reply_parser_init(struct reply_parser *parser)
{
	*parser = (struct reply_parser){0};
}

/* 1 to 3 digits at the front of *b, which moves behind them. */
static bool take_number(struct bytes *b, uint16_t *ret)
{
	size_t len = 0;
	unsigned value = 0;
	while (len < b->len && ascii_is_digit(b->data[len])) {
		if (len == 3)
			return false;
		value = value * 10 + (unsigned)(b->data[len++] - '0');
	}
	if (len == 0)
		return false;
	*ret = (uint16_t)value;
	*b = bytes_skip(*b, len);
	return true;
}

static bool take_dot(struct bytes *b)
{
	if (b->len == 0 || b->data[0] != '.')
		return false;
	*b = bytes_skip(*b, 1);
	return true;
}

/* "5.7.1" at the front of *b, which moves behind it. Not part of a word, a version or an IP address. */
static bool take_enhanced(struct bytes *b, struct enhanced_code *ret)
{
	struct enhanced_code code = {0};
	struct bytes rest = *b;
	if (!take_number(&rest, &code.class) || !take_dot(&rest) ||
	    !take_number(&rest, &code.subject) || !take_dot(&rest) ||
	    !take_number(&rest, &code.detail))
		return false;
	if (code.class != 2 && code.class != 4 && code.class != 5)
		return false;
	if (rest.len > 0 && ascii_is_letter(rest.data[0]))
		return false;
	if (rest.len > 1 && rest.data[0] == '.' && ascii_is_digit(rest.data[1]))
		return false;
	*b = rest;
	*ret = code;
	return true;
}

bool enhanced_code_parse(struct bytes b, struct enhanced_code *ret)
{
	return take_enhanced(&b, ret);
}

void enhanced_code_text(struct enhanced_code code, char out[16])
{
	out[0] = '\0';
	if (code.class != 0)
		(void)snprintf(out, 16, "%u.%u.%u", code.class % 1000u, code.subject % 1000u,
			       code.detail % 1000u);
}

/* Length of the printable character at the front of b; 0 for a control or a byte that is not UTF-8. */
static size_t printable_len(struct bytes b)
{
	if (b.data[0] < 0x80)
		return b.data[0] >= ' ' && b.data[0] != 0x7f;
	for (size_t len = 2; len <= 4 && len <= b.len; len++)
		if (bytes_is_utf8(bytes_first(b, len)))
			return b.data[0] == 0xc2 && b.data[1] < 0xa0 ? 0 : len;
	return 0;
}

/* False once there is no room: what follows is dropped, at a character's border. */
static bool append_text(struct reply *reply, const void *data, size_t len)
{
	if (len > REPLY_TEXT_MAX - reply->text_len)
		return false;
	memcpy(reply->text + reply->text_len, data, len);
	reply->text_len += len;
	reply->text[reply->text_len] = '\0';
	return true;
}

static void append_line(struct reply *reply, struct bytes line)
{
	if (reply->line_count > 1 && !append_text(reply, "\n", 1))
		return;
	while (line.len > 0) {
		size_t len = printable_len(line);
		bool fits = len > 0 ? append_text(reply, line.data, len)
				    : append_text(reply, line.data[0] == '\t' ? " " : "?", 1);
		if (!fits)
			return;
		line = bytes_skip(line, len > 0 ? len : 1);
	}
}

/* The first enhanced code that fits is the reply's; where a line repeats it, it is cut from the text. */
static struct bytes take_reply_enhanced(struct reply *reply, struct bytes text)
{
	struct enhanced_code code = {0};
	struct bytes rest = text;
	if (!take_enhanced(&rest, &code) || code.class != reply->code / 100)
		return text;
	if (reply->enhanced.class == 0)
		reply->enhanced = code;
	if (memcmp(&code, &reply->enhanced, sizeof code) != 0)
		return text;
	return bytes_trim(rest);
}

/* One line without its end. *ret_is_last: no hyphen behind the code. */
static enum err take_line(struct reply *reply, struct bytes line, bool *ret_is_last)
{
	struct bytes digits = bytes_first(line, CODE_LEN);
	uint64_t code = 0;
	if (digits.len != CODE_LEN || !bytes_to_u64(digits, 599, &code) || code < 200)
		return E_MALFORMED;
	if (reply->line_count > 0 && code != reply->code)
		return E_MALFORMED;
	struct bytes text = bytes_skip(line, CODE_LEN);
	uint8_t separator = text.len > 0 ? text.data[0] : ' ';
	if (separator != ' ' && separator != '-')
		return E_MALFORMED;
	if (++reply->line_count > REPLY_LINES_MAX)
		return E_MALFORMED;
	reply->code = (unsigned)code;
	append_line(reply, take_reply_enhanced(reply, bytes_skip(text, 1)));
	*ret_is_last = separator == ' ';
	return OK;
}

enum err reply_parse(struct reply_parser *parser, struct bytes in, size_t *ret_used,
		     struct reply *ret)
{
	size_t used = 0;
	for (;;) {
		struct bytes rest = bytes_skip(in, used);
		ptrdiff_t end = bytes_find(bytes_first(rest, REPLY_LINE_MAX), '\n');
		if (end < 0 && rest.len >= REPLY_LINE_MAX)
			return E_MALFORMED;
		if (end < 0) {
			*ret_used = used;
			return E_NOT_FOUND;
		}
		struct bytes line = bytes_first(rest, (size_t)end);
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		used += (size_t)end + 1;
		bool is_last = false;
		enum err err = take_line(&parser->partial, line, &is_last);
		if (err != OK)
			return err;
		if (!is_last)
			continue;
		*ret = parser->partial;
		*ret_used = used;
		reply_parser_init(parser);
		return OK;
	}
}
