/* Complaints: the feedback report (RFC 5965) with its recipients, and Amazon's notifications, which are JSON in a mail. */
#include <string.h>

#include "lib/report/inner.h"
#include "lib/report/reply_text.h"

static void add(struct reading *reading, struct bytes value)
{
	struct bytes address;
	size_t at = 0;
	if (!text_address(value, &at, &address) || reading_find(reading, address))
		return;
	struct report_recipient *recipient = reading_add(reading, address);
	if (recipient)
		recipient->kind = REPORT_COMPLAINT;
}

static void take_field(struct reading *reading, struct bytes name, struct bytes value)
{
	struct report *report = reading->report;
	if (bytes_is_nocase(name, "original-rcpt-to") ||
	    bytes_is_nocase(name, "removal-recipient") ||
	    bytes_is_nocase(name, "original-recipient"))
		add(reading, value);
	else if (bytes_is_nocase(name, "feedback-type"))
		report->feedback_type = text_one_line(reading->arena, value, 60);
	else if (bytes_is_nocase(name, "user-agent"))
		report->reporter = text_one_line(reading->arena, value, 200);
	else if (bytes_is_nocase(name, "original-envelope-id"))
		report->envelope_id = text_one_line(reading->arena, value, 400);
	else if (bytes_is_nocase(name, "original-mail-from"))
		report->original_from = value;
}

void feedback_read(struct reading *reading, struct bytes text)
{
	struct bytes name, value;
	while (mime_field_next(&text, &name, &value))
		take_field(reading, name, value);
}

/* ---- JSON, as far as needed: strings by their names, in order ---- */

/* The string that starts at *at (on its quote); *at moves behind it. Escapes are left as they are. */
static bool take_string(struct bytes text, size_t *at, struct bytes *ret)
{
	size_t start = *at + 1, end = start;
	while (end < text.len && text.data[end] != '"')
		end += text.data[end] == '\\' ? 2 : 1;
	if (end >= text.len)
		return false;
	*ret = bytes_from(text.data + start, end - start);
	*at = end + 1;
	return true;
}

static size_t skip_space(struct bytes text, size_t at)
{
	while (at < text.len && text.data[at] <= ' ')
		at++;
	return at;
}

struct notification {
	enum report_kind kind;
	struct report_recipient *last;
};

static void take_recipient(struct reading *reading, struct notification *note, struct bytes value)
{
	struct bytes address;
	size_t at = 0;
	note->last = NULL;
	if (!text_address(value, &at, &address))
		return;
	note->last = reading_add(reading, address);
	if (!note->last)
		return;
	note->last->kind = note->kind;
	if (note->kind == REPORT_SUCCESS)
		note->last->action = ACTION_DELIVERED;
	else if (note->kind == REPORT_BOUNCE)
		note->last->action = ACTION_FAILED;
}

static void take_pair(struct reading *reading, struct notification *note, struct bytes name,
		      struct bytes value)
{
	struct enhanced_code status;
	struct bytes line = text_one_line(reading->arena, value, REPORT_DIAGNOSTIC_MAX);
	if (bytes_is(name, "emailAddress"))
		take_recipient(reading, note, value);
	else if (bytes_is(name, "complaintFeedbackType"))
		reading->report->feedback_type = bytes_first(line, 60);
	else if (bytes_is(name, "reportingMTA"))
		reading->report->reporter = bytes_first(line, 300);
	else if (bytes_is(name, "messageId") && reading->report->message_id.len == 0)
		reading->report->message_id = line;
	else if (note->last && bytes_is(name, "diagnosticCode"))
		note->last->diagnostic = line;
	else if (note->last && bytes_is(name, "smtpResponse"))
		note->last->diagnostic = line;
	else if (note->last && bytes_is(name, "status") && enhanced_code_parse(value, &status))
		note->last->status = status;
}

static enum report_kind kind_of_notification(struct bytes text)
{
	struct bytes start = bytes_first(text, 4000);
	if (!text_has(start, "\"notificationtype\"") && !text_has(start, "\"eventtype\""))
		return REPORT_UNKNOWN;
	if (text_has(start, "type\":\"bounce\"") || text_has(start, "type\": \"bounce\""))
		return REPORT_BOUNCE;
	if (text_has(start, "type\":\"complaint\"") || text_has(start, "type\": \"complaint\""))
		return REPORT_COMPLAINT;
	if (text_has(start, "type\":\"delivery\"") || text_has(start, "type\": \"delivery\""))
		return REPORT_SUCCESS;
	return REPORT_UNKNOWN;
}

/* `"name": "value"`, or a list's first string. *at is on a quote and moves on. False when the text ends. */
static bool take_member(struct bytes text, size_t *at, struct bytes *ret_name,
			struct bytes *ret_value)
{
	*ret_value = BYTES_NONE;
	if (!take_string(text, at, ret_name))
		return false;
	size_t next = skip_space(text, *at);
	if (next >= text.len || text.data[next] != ':')
		return true;
	next = skip_space(text, next + 1);
	if (bytes_is(*ret_name, "recipients") && next < text.len && text.data[next] == '[')
		next = skip_space(text, next + 1);
	if (next >= text.len || text.data[next] != '"')
		return true;
	*at = next;
	return take_string(text, at, ret_value);
}

static void set_codes(struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct reply_codes codes;
		struct report_recipient *recipient = &report->recipients[i];
		if (!reply_codes_find(recipient->diagnostic, &codes))
			continue;
		recipient->code = codes.code;
		if (recipient->status.class == 0)
			recipient->status = codes.enhanced;
	}
}

/* A line break in a long line of JSON is the mail's, marked with "!" by some: it is no part of a string that matters here. */
bool notification_read(struct reading *reading, struct bytes text)
{
	struct bytes body = text_trim(text), name, value;
	if (body.len < 2 || body.data[0] != '{')
		return false;
	struct notification note = {.kind = kind_of_notification(body)};
	if (note.kind == REPORT_UNKNOWN)
		return false;
	reading->report->kind = note.kind;
	for (size_t at = 0; at < body.len;) {
		if (body.data[at] != '"')
			at++;
		else if (!take_member(body, &at, &name, &value))
			break;
		else if (value.len > 0 && bytes_is(name, "recipients"))
			take_recipient(reading, &note, value);
		else if (value.len > 0)
			take_pair(reading, &note, name, value);
	}
	set_codes(reading->report);
	return true;
}
