/* What prose says of each recipient: the passage that is about it, the reply in that passage, the host that gave it. */
#include <string.h>

#include "lib/report/inner.h"
#include "lib/report/reply_text.h"

static struct bytes strip_end(struct bytes text, const char *bytes)
{
	while (text.len > 0 && text.data[text.len - 1] && strchr(bytes, text.data[text.len - 1]))
		text.len--;
	return text;
}

/* "host mx.example.com [192.0.2.1]: 550 ...", "mx.example.com[192.0.2.1] said:" */
static struct bytes remote_of(struct bytes text)
{
	static const char *const words[] = {"host: ", "host ", "talking to ", "connect to "};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const uint8_t *at =
			text.len > 0 ? memmem(text.data, text.len, words[i], strlen(words[i]))
				     : NULL;
		if (!at)
			continue;
		struct bytes name = bytes_skip(text, (size_t)(at - text.data) + strlen(words[i]));
		size_t len = 0;
		while (len < name.len && name.data[len] > ' ' && name.data[len] != '[' &&
		       name.data[len] != ':' && name.data[len] != ',' && name.data[len] != '(')
			len++;
		name = strip_end(bytes_first(name, len), ".");
		if (name.len > 0 && memchr(name.data, '.', name.len))
			return name;
	}
	return BYTES_NONE;
}

/* Does this line continue a reply with this code? An empty line, another code or another step of a transcript do not. */
static bool continues_reply(struct bytes line, unsigned code)
{
	struct reply_codes codes;
	struct bytes bare = text_trim(line);
	if (bare.len == 0 || bytes_starts_with_nocase(bare, ">>>") ||
	    bytes_starts_with_nocase(bare, "<<<"))
		return false;
	bool has_code = reply_codes_find(bytes_first(bare, 4), &codes) && codes.at == 0;
	return !has_code || codes.code == code;
}

/* The reply in a passage: from its code to the end of its lines. */
static struct bytes reply_of(struct bytes passage, const struct reply_codes *codes)
{
	struct bytes rest = bytes_skip(passage, codes->at);
	struct bytes reply = text_line(&rest);
	while (rest.len > 0 && reply.len < REPORT_DIAGNOSTIC_MAX) {
		struct bytes line = text_line(&rest);
		if (!continues_reply(line, codes->code))
			break;
		reply.len = (size_t)(line.data + line.len - reply.data);
	}
	return reply;
}

/* The reply, when the passage has one; else all of it: a code without a reply ("(#5.1.1)") stands behind what it means. */
static void set_diagnostic(struct reading *reading, struct report_recipient *recipient,
			   struct bytes passage)
{
	struct reply_codes codes = {0};
	bool has_codes = reply_codes_find(passage, &codes) &&
			 (codes.code == 0 ? codes.enhanced.class : codes.code / 100) >= 4;
	struct bytes said = has_codes && codes.code != 0 ? reply_of(passage, &codes) : passage;
	if (!has_codes && recipient->around.len > 0 &&
	    memchr(recipient->around.data, '(', recipient->around.len))
		said = recipient->around; /* "4.2.2 (over quota)": better than prose */
	recipient->diagnostic = text_one_line(reading->arena, said, REPORT_DIAGNOSTIC_MAX);
	if (!has_codes)
		return;
	if (recipient->code == 0)
		recipient->code = codes.code;
	bool is_general = recipient->status.class == 0 ||
			  (recipient->status.subject == 0 && recipient->status.detail == 0);
	if (is_general && codes.enhanced.class != 0)
		recipient->status = codes.enhanced;
}

/* `around` is what the passage is part of. */
static void explain(struct reading *reading, struct report_recipient *recipient,
		    struct bytes passage, struct bytes around)
{
	struct bytes said = text_one_line(reading->arena, passage, REPORT_AROUND_MAX);
	if (recipient->step == STEP_ANY)
		recipient->step = reply_step_find(said);
	if (recipient->remote.len == 0)
		recipient->remote = remote_of(said);
	if (recipient->diagnostic.len == 0)
		set_diagnostic(reading, recipient, passage);
	around = text_one_line(reading->arena, around, REPORT_AROUND_MAX);
	recipient->around = bytes_of(arena_printf(
		reading->arena, "%.*s %.*s", BYTES_ARGS(recipient->around), BYTES_ARGS(around)));
}

struct passages {	     /* while they are looked for */
	struct bytes *found; /* of each recipient */
	struct bytes *current;
	const uint8_t *talk; /* start of what was said since the last recipient, in a transcript */
};

/* "While talking to mx.example.com:", ">>> RCPT", "<<< 550": who is refused is told below it. */
static bool is_talk(struct bytes line)
{
	line = text_trim(line);
	return bytes_starts_with_nocase(line, ">>>") || bytes_starts_with_nocase(line, "<<<") ||
	       text_has(bytes_first(line, 20), "while talking");
}

static void name_recipient(struct passages *passages, size_t index, struct bytes line)
{
	struct bytes *passage = &passages->found[index];
	passages->current = passage->data ? NULL : passage;
	if (passages->current)
		passage->data = passages->talk ? passages->talk : line.data;
}

/* A recipient's passage goes from the first line that names it to the next that names another. One walk over the lines. */
static void find_passages(struct reading *reading, struct passages *passages)
{
	struct bytes rest = reading->notice;
	while (rest.len > 0) {
		struct bytes line = text_line(&rest), address;
		size_t at = 0;
		struct report_recipient *named =
			text_address(line, &at, &address) ? reading_find(reading, address) : NULL;
		size_t index = named ? (size_t)(named - reading->report->recipients) : 0;
		if (text_has(bytes_first(line, 20), "while talking") ||
		    (!passages->talk && is_talk(line)))
			passages->talk = line.data;
		if (named && passages->current != &passages->found[index])
			name_recipient(passages, index, line);
		if (named && !is_talk(line))
			passages->talk = NULL;
		if (passages->current)
			passages->current->len =
				(size_t)(line.data + line.len - passages->current->data);
	}
}

/* Of the only recipient all of the text is said. */
static void explain_only(struct reading *reading, struct report_recipient *recipient)
{
	if (recipient->status.class != 0 || recipient->code != 0)
		return;
	recipient->diagnostic = BYTES_NONE;
	set_diagnostic(reading, recipient, reading->notice);
}

/* Passages do not overlap, so many recipients cost no more than few. Of several, one that is not named is told nothing. */
void notice_explain(struct reading *reading)
{
	struct report *report = reading->report;
	struct passages passages = {
		.found = arena_zalloc(reading->arena, report->count, sizeof(struct bytes))};
	find_passages(reading, &passages);
	for (size_t i = 0; i < report->count; i++) {
		struct bytes passage = passages.found[i];
		if (report->count == 1 && passage.len == 0)
			passage = reading->notice;
		explain(reading, &report->recipients[i], passage,
			report->count == 1 ? reading->notice : passage);
	}
	if (report->count == 1)
		explain_only(reading, &report->recipients[0]);
}
