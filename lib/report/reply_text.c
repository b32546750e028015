/* Codes are whole words: "550", "550-5.1.1", "(#5.1.1)", but no part of an IP address, a version or a size. */
#include "lib/report/reply_text.h"

#include <string.h>

#include "lib/base/ascii.h"
#include "lib/report/inner.h"

#define LOOKED_AT_MAX 4096

/* ---- codes ---- */

static bool is_inside_word(struct bytes text, size_t at)
{
	uint8_t before = at > 0 ? text.data[at - 1] : ' ';
	return ascii_is_letter_or_digit(before) || before == '.' || before == '-' ||
	       before == '=' || before == '/' || before == '_' || before == '@';
}

static unsigned code_at(struct bytes text, size_t at)
{
	struct bytes b = bytes_skip(text, at);
	if (b.len < 3 || !ascii_is_digit(b.data[1]) || !ascii_is_digit(b.data[2]))
		return 0;
	if ((b.data[0] != '2' && b.data[0] != '4' && b.data[0] != '5') || b.data[1] > '5')
		return 0;
	if (b.len > 3 && !text_is_space(b.data[3]) && !strchr("-:;,)]'\"", b.data[3]))
		return 0;
	if (is_inside_word(text, at))
		return 0;
	return (unsigned)(b.data[0] - '0') * 100 + (unsigned)(b.data[1] - '0') * 10 +
	       (unsigned)(b.data[2] - '0');
}

static bool enhanced_at(struct bytes text, size_t at, struct enhanced_code *ret)
{
	if (at + 1 >= text.len || text.data[at + 1] != '.')
		return false;
	uint8_t before = at > 0 ? text.data[at - 1] : ' ';
	if (ascii_is_letter_or_digit(before) || before == '.')
		return false;
	if (before == '-' && !(at >= 4 && ascii_is_digit(text.data[at - 2])))
		return false;
	return enhanced_code_parse(bytes_skip(text, at), ret);
}

/* From behind a basic code: an enhanced one soon after it. */
static void find_enhanced_near(struct bytes text, size_t at, struct reply_codes *codes)
{
	struct enhanced_code enhanced;
	for (size_t end = at + 6; at < text.len && at < end; at++)
		if (ascii_is_digit(text.data[at])) {
			if (enhanced_at(text, at, &enhanced) && enhanced.class == codes->code / 100)
				codes->enhanced = enhanced;
			return;
		}
}

/* Where no basic code had one with it: anywhere, if its class fits. */
static bool find_enhanced(struct bytes text, struct reply_codes *codes)
{
	struct enhanced_code enhanced;
	for (size_t at = 0; at < text.len; at++)
		if (ascii_is_digit(text.data[at]) && enhanced_at(text, at, &enhanced) &&
		    (codes->code == 0 || codes->code / 100 == enhanced.class)) {
			codes->enhanced = enhanced;
			if (codes->code == 0)
				codes->at = at;
			return true;
		}
	return false;
}

bool reply_codes_find(struct bytes text, struct reply_codes *ret)
{
	struct reply_codes codes = {0};
	text = bytes_first(text, LOOKED_AT_MAX);
	for (size_t at = 0; at < text.len; at++) {
		unsigned code = ascii_is_digit(text.data[at]) ? code_at(text, at) : 0;
		if (code == 0)
			continue;
		struct reply_codes found = {.code = code, .at = at};
		find_enhanced_near(text, at + 3, &found);
		if (codes.code == 0 || found.enhanced.class != 0)
			codes = found;
		if (found.enhanced.class != 0)
			break;
	}
	if (codes.enhanced.class == 0)
		(void)find_enhanced(text, &codes);
	*ret = codes;
	return codes.code != 0 || codes.enhanced.class != 0;
}

/* ---- the step ---- */

static bool has(struct bytes text, const char *phrase)
{
	return memmem(text.data, text.len, phrase, strlen(phrase)) != NULL;
}

/* ">>> RCPT TO:<a@b> <<< 550 ..." (Sendmail). Steps that were sent together are told as the last of them. */
static enum reply_step transcript_step(struct bytes text)
{
	if (has(text, ">>> rcpt"))
		return STEP_RCPT;
	if (has(text, ">>> mail"))
		return STEP_MAIL;
	if (has(text, ">>> data") || has(text, ">>> ."))
		return STEP_DATA;
	return has(text, ">>> ehlo") || has(text, ">>> helo") ? STEP_HELO : STEP_ANY;
}

enum reply_step reply_step_find(struct bytes text)
{
	static const struct {
		const char *phrase;
		enum reply_step step;
	} marks[] = {
		{"reply to rcpt", STEP_RCPT},
		{"reply to end of data", STEP_DATA},
		{"reply to data", STEP_DATA},
		{"reply to mail", STEP_MAIL},
		{"reply to ehlo", STEP_HELO},
		{"reply to helo", STEP_HELO},
		{"after rcpt", STEP_RCPT},
		{"after end of data", STEP_DATA},
		{"after data", STEP_DATA},
		{"after mail", STEP_MAIL},
		{"after ehlo", STEP_HELO},
		{"after helo", STEP_HELO},
		{"for text command", STEP_DATA},
		{"for rcpt command", STEP_RCPT},
		{"for mail command", STEP_MAIL},
		{"after i sent the message", STEP_DATA},
		{"not like recipient", STEP_RCPT},
		{"sender was rejected", STEP_MAIL},
		{"our rcpt to", STEP_RCPT},
		{"our mail from", STEP_MAIL},
		{"our final data", STEP_DATA},
		{"our data", STEP_DATA},
		{"[rcpt_to]", STEP_RCPT},
		{"[mail_from]", STEP_MAIL},
		{"[data]", STEP_DATA},
		{"smtp transmission failure", STEP_DATA},
		{"has rejected address", STEP_RCPT},
		{"to talk to me", STEP_CONNECT},
		{"accept your message (data)", STEP_DATA},
		{"smtp:rcpt", STEP_RCPT},
	};
	uint8_t plain[LOOKED_AT_MAX];
	size_t len = 0;
	for (; len < text.len && len < sizeof plain; len++)
		plain[len] = text_is_space(text.data[len]) ? ' ' : ascii_lower(text.data[len]);
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (len > 0 && has(bytes_from(plain, len), marks[i].phrase))
			return marks[i].step;
	return len > 0 ? transcript_step(bytes_from(plain, len)) : STEP_ANY;
}

/* ---- plain text ---- */

/* "550", "550-", "5.1.1", "#5.1.1", "(#5.1.1)": the codes were read already, and in between they tear phrases apart. */
static size_t code_len(struct bytes word)
{
	struct enhanced_code enhanced;
	size_t at = 0;
	while (at < word.len && strchr("(#'\"", word.data[at]))
		at++;
	size_t start = at;
	bool is_basic = word.len - at >= 3 && (word.data[at] == '4' || word.data[at] == '5') &&
			ascii_is_digit(word.data[at + 1]) && ascii_is_digit(word.data[at + 2]);
	if (is_basic && word.len - at == 3)
		return word.len;
	if (is_basic && word.data[at + 3] == '-')
		at += 4;
	if (at < word.len && enhanced_code_parse(bytes_skip(word, at), &enhanced)) {
		while (at < word.len && (ascii_is_digit(word.data[at]) || word.data[at] == '.'))
			at++;
		while (at < word.len && strchr(")-:;,.'\"", word.data[at]))
			at++;
	}
	return at == start ? 0 : at;
}

static bool is_address_byte(uint8_t c)
{
	return ascii_is_letter_or_digit(c) || c >= 0x80 ||
	       (c > ' ' && strchr("!#$%&*+-/=?^_`{|}~.@", c));
}

/* The word without its codes, an address in it as "@". */
static size_t plain_word(struct bytes word, uint8_t *out)
{
	size_t len = 0;
	word = bytes_skip(word, code_len(word));
	const uint8_t *at = word.len > 0 ? memchr(word.data, '@', word.len) : NULL;
	size_t start = word.len, end = word.len;
	if (at) {
		start = end = (size_t)(at - word.data);
		while (start > 0 && is_address_byte(word.data[start - 1]))
			start--;
		while (end < word.len && is_address_byte(word.data[end]))
			end++;
		while (end > start + 1 && word.data[end - 1] == '.')
			end--;
	}
	for (size_t i = 0; i < word.len; i++) {
		if (i < start || i >= end)
			out[len++] = ascii_lower(word.data[i]);
		else if (i == start)
			out[len++] = '@';
	}
	return len;
}

size_t reply_text_plain(struct bytes text, uint8_t *out, size_t max)
{
	size_t len = 0;
	while (text.len > 0) {
		size_t skip = 0, word = 0;
		while (skip < text.len && text_is_space(text.data[skip]))
			skip++;
		text = bytes_skip(text, skip);
		while (word < text.len && !text_is_space(text.data[word]))
			word++;
		if (word == 0 || len + word + 1 > max)
			break;
		size_t start = len;
		if (len > 0)
			out[len++] = ' ';
		size_t taken = plain_word(bytes_first(text, word), out + len);
		len = taken > 0 ? len + taken : start;
		text = bytes_skip(text, word);
	}
	return len;
}
