/* Replies: cut at a place that the first byte chooses, they read as they do whole, and their text is fit to be shown. */
#include <stdlib.h>
#include <string.h>

#include "lib/mail/reply.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_reply(const struct reply *reply)
{
	struct ehlo_capabilities capabilities;
	struct enhanced_code code;
	char text[16];
	check(reply->code >= 200 && reply->code <= 599);
	check(reply->line_count >= 1 && reply->line_count <= REPLY_LINES_MAX);
	check(reply->text_len <= REPLY_TEXT_MAX && strlen(reply->text) == reply->text_len);
	check(bytes_is_utf8(bytes_of(reply->text)));
	enhanced_code_text(reply->enhanced, text);
	if (reply->enhanced.class != 0) {
		check(reply->enhanced.class == reply->code / 100);
		check(enhanced_code_parse(bytes_of(text), &code));
	}
	ehlo_parse(reply, &capabilities);
}

/* Replies until the bytes run out or make no sense; a number that differs when anything read differs. */
static unsigned read_all(struct bytes in, size_t piece)
{
	struct reply_parser parser;
	struct reply reply;
	unsigned sum = 0;
	reply_parser_init(&parser);
	size_t start = 0, end = piece < in.len ? piece : in.len;
	for (;;) {
		size_t used = 0;
		enum err err = reply_parse(&parser, bytes_from(in.data + start, end - start), &used,
					   &reply);
		if (err == E_MALFORMED)
			return sum * 31 + 1;
		check(used <= end - start);
		start += used;
		if (err == OK) {
			check_reply(&reply);
			sum = sum * 31 + reply.code;
			for (size_t i = 0; i < reply.text_len; i++)
				sum = sum * 31 + (uint8_t)reply.text[i];
		} else if (end == in.len) {
			return sum;
		} else {
			end = piece < in.len - end ? end + piece : in.len;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct bytes in = bytes_from(data + 1, size - 1);
	check(read_all(in, in.len + 1) == read_all(in, 1 + data[0]));
	return 0;
}
