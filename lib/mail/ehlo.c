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

/* The word at the front of *b, which moves behind it; none at the end. */
static struct bytes next_word(struct bytes *b)
{
	*b = bytes_trim(*b);
	ptrdiff_t space = bytes_find(*b, ' ');
	struct bytes word = space < 0 ? *b : bytes_first(*b, (size_t)space);
	*b = bytes_skip(*b, word.len);
	return word;
}

/* "LIMITS MAILMAX=100 RCPTMAX=20": names that are not known, and values that are no number, do not bind. */
static void take_limits(struct bytes parameters, struct ehlo_capabilities *capabilities)
{
	const struct {
		const char *name;
		uint64_t *limit;
	} limits[] = {
		{"MAILMAX", &capabilities->mail_max},
		{"RCPTMAX", &capabilities->rcpt_max},
		{"RCPTDOMAINMAX", &capabilities->rcpt_domain_max},
	};
	struct bytes word;
	while ((word = next_word(&parameters)).len > 0) {
		ptrdiff_t equals = bytes_find(word, '=');
		if (equals < 0)
			continue;
		for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
			if (bytes_is_nocase(bytes_first(word, (size_t)equals), limits[i].name))
				(void)bytes_to_u64(bytes_skip(word, (size_t)equals + 1), 999999,
						   limits[i].limit);
	}
}

static void take_auth(struct bytes parameters, struct ehlo_capabilities *capabilities)
{
	struct bytes word;
	while ((word = next_word(&parameters)).len > 0) {
		capabilities->auth_plain |= bytes_is_nocase(word, "PLAIN");
		capabilities->auth_login |= bytes_is_nocase(word, "LOGIN");
	}
}

/* RFC 5321 4.1.1.1: letters, digits and hyphens; what is none is not told on. */
static void note_keyword(struct bytes keyword, struct ehlo_capabilities *capabilities)
{
	char *keywords = capabilities->keywords;
	size_t len = strlen(keywords);
	for (size_t i = 0; i < keyword.len; i++) {
		uint8_t c = keyword.data[i];
		bool is_good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			       (c >= 'a' && c <= 'z') || c == '-';
		if (!is_good)
			return;
	}
	if (keyword.len == 0 || len + 1 + keyword.len >= EHLO_KEYWORDS_SIZE)
		return;
	if (len > 0)
		keywords[len++] = ',';
	memcpy(keywords + len, keyword.data, keyword.len);
	keywords[len + keyword.len] = '\0';
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
		{"BINARYMIME", &capabilities->binarymime},
		{"REQUIRETLS", &capabilities->requiretls},
		{"MT-PRIORITY", &capabilities->mt_priority},
	};
	ptrdiff_t space = bytes_find(line, ' ');
	struct bytes keyword = space < 0 ? line : bytes_first(line, (size_t)space);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (bytes_is_nocase(keyword, flags[i].keyword))
			*flags[i].flag = true;
	note_keyword(keyword, capabilities);
	if (bytes_is_nocase(keyword, "SIZE"))
		take_size(bytes_skip(line, keyword.len), capabilities);
	else if (bytes_is_nocase(keyword, "LIMITS"))
		take_limits(bytes_skip(line, keyword.len), capabilities);
	else if (bytes_is_nocase(keyword, "AUTH"))
		take_auth(bytes_skip(line, keyword.len), capabilities);
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
