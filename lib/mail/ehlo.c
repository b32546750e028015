/* What a remote host can do, as its reply to EHLO says: a keyword and its parameters on each line but the first. */
#include <string.h>

#include "lib/mail/reply.h"

/* "SIZE 10485760"; no limit where the number is missing or is none. */
static void take_size(struct bytes parameters, struct ehlo_capabilities *capabilities)
{
	capabilities->size = true;
	if (!bytes_to_u64(bytes_trim(parameters), UINT64_MAX, &capabilities->size_max_bytes))
		capabilities->size_max_bytes = 0;
}

static void take_capability(struct bytes line, struct ehlo_capabilities *capabilities)
{
	const struct {
		const char *keyword;
		bool *flag;
	} flags[] = {
		{"PIPELINING", &capabilities->pipelining},
		{"STARTTLS", &capabilities->starttls},
		{"8BITMIME", &capabilities->eightbitmime},
		{"SMTPUTF8", &capabilities->smtputf8},
		{"DSN", &capabilities->dsn},
		{"CHUNKING", &capabilities->chunking},
		{"ENHANCEDSTATUSCODES", &capabilities->enhancedstatuscodes},
	};
	ptrdiff_t space = bytes_find(line, ' ');
	struct bytes keyword = space < 0 ? line : bytes_first(line, (size_t)space);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (bytes_is_nocase(keyword, flags[i].keyword))
			*flags[i].flag = true;
	if (bytes_is_nocase(keyword, "SIZE"))
		take_size(bytes_skip(line, keyword.len), capabilities);
}

void ehlo_parse(const struct reply *reply, struct ehlo_capabilities *ret)
{
	struct ehlo_capabilities capabilities = {0};
	struct bytes text = bytes_from(reply->text, reply->text_len);
	bool is_first = true;
	while (text.len > 0) {
		ptrdiff_t end = bytes_find(text, '\n');
		struct bytes line = end < 0 ? text : bytes_first(text, (size_t)end);
		if (!is_first)
			take_capability(line, &capabilities);
		is_first = false;
		text = bytes_skip(text, end < 0 ? text.len : (size_t)end + 1);
	}
	*ret = capabilities;
}
