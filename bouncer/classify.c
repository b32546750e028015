/* Two ways to be sure: an enhanced code that means just this (RFC 3463 3.2), or no telling code and a phrase that does. */
#include "bouncer/classify.h"

#include <string.h>

#include "lib/mail/reply.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const no_such_mailbox[] = {
	"account does not exist", "account doesn't exist",  "address does not exist",
	"address unknown",	  "does not exist here",    "invalid mailbox",
	"invalid recipient",	  "mailbox does not exist", "mailbox not found",
	"mailbox unknown",	  "no mailbox here",	    "no such address",
	"no such mailbox",	  "no such recipient",	    "no such user",
	"not a known user",	  "not a valid mailbox",    "recipient does not exist",
	"recipient not found",	  "recipient unknown",	    "unknown mailbox",
	"unknown recipient",	  "unknown user",	    "user does not exist",
	"user doesn't exist",	  "user not found",	    "user not known",
	"user unknown",
};

/* Of us, of the message, of the moment or of the whole domain: not of the mailbox. "relay recipient table" is a mailbox's. */
static const char *const doubtful[] = {
	"access denied",
	"black list",
	"blacklist",
	"block list",
	"blocked",
	"blocklist",
	"dkim",
	"dmarc",
	"domain not found",
	"from address",
	"greylist",
	"mailbox full",
	"mailbox is full",
	"not allowed",
	"not authorized",
	"policy",
	"preference",
	"quota",
	"rate limit",
	"rbl",
	"relay access",
	"relay not",
	"relaying",
	"reputation",
	"sender",
	"spam",
	"spf",
	"temporar",
	"to relay",
	"too many",
	"try again",
	"unknown domain",
	"virus",
};

struct text { /* a reply's words, without the recipient's address: that is the sender's text, not the host's */
	struct bytes before, after;
};

static ptrdiff_t find_nocase(struct bytes in, struct bytes wanted)
{
	for (size_t i = 0; wanted.len && i + wanted.len <= in.len; i++)
		if (bytes_equal_nocase(bytes_from(in.data + i, wanted.len), wanted))
			return (ptrdiff_t)i;
	return -1;
}

static bool split(struct bytes reply, struct bytes address, struct text *ret)
{
	ptrdiff_t at = find_nocase(reply, address);
	if (at < 0) {
		*ret = (struct text){.before = reply};
		return false;
	}
	*ret = (struct text){
		.before = bytes_first(reply, (size_t)at),
		.after = bytes_skip(reply, (size_t)at + address.len),
	};
	return true;
}

static bool has_any(const struct text *text, const char *const *phrases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes phrase = bytes_of(phrases[i]);
		if (find_nocase(text->before, phrase) >= 0 || find_nocase(text->after, phrase) >= 0)
			return true;
	}
	return false;
}

/* 5.1.1 bad mailbox, 5.1.6 moved without forwarding, 5.1.10 as Exchange says it: recipient not found (from a remote; that a
 * domain takes no mail, RFC 7505, we find ourselves and at another step). */
static bool code_means_mailbox(struct enhanced_code code)
{
	return code.class == 5 && code.subject == 1 &&
	       (code.detail == 1 || code.detail == 6 || code.detail == 10);
}

/* None, or "other" (5.0.0, 5.1.0). */
static bool code_means_nothing(struct enhanced_code code)
{
	return code.class == 0 || (code.class == 5 && code.subject <= 1 && code.detail == 0);
}

static bool is_mailbox_reply(uint32_t code)
{
	return code == 550 || code == 551 || code == 553;
}

/* After the content every recipient of the transaction shares the reply, unless it names ours. */
static bool is_about_recipient(const struct result *result, bool is_named)
{
	if (bytes_is(result->step, "rcpt"))
		return true;
	return is_named && (bytes_is(result->step, "data") || bytes_is(result->step, "body"));
}

bool result_is_bad_mailbox(const struct result *result)
{
	struct text text;
	bool is_named = split(result->text, result->recipient, &text);
	if (result->event != RESULT_BOUNCED || result->code < 500 || result->code > 599 ||
	    !is_about_recipient(result, is_named))
		return false;
	if (has_any(&text, doubtful, COUNT(doubtful)))
		return false;

	struct enhanced_code code = {0};
	if (result->enhanced.len && !enhanced_code_parse(result->enhanced, &code))
		return false;
	if (code_means_mailbox(code))
		return true;
	return code_means_nothing(code) && is_mailbox_reply(result->code) &&
	       has_any(&text, no_such_mailbox, COUNT(no_such_mailbox));
}
