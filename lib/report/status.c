/* Fields of a delivery status (RFC 3464), in their own part or somewhere in a text, perhaps quoted. Groups are told apart by empty
 * lines, or where a recipient follows a recipient. */
#include <string.h>

#include "lib/report/inner.h"
#include "lib/report/reply_text.h"

struct group { /* fields of one recipient so far */
	struct bytes original, final, actual;
	struct bytes action, status, diagnostic, remote;
	bool has_fields;
};

static bool is_mark(uint8_t c)
{
	return c == '>' || c == ' ' || c == '\t';
}

/* "name: value" though quoted; false when it is no field, or a continuation. */
static bool split_field(struct bytes line, struct bytes *ret_name, struct bytes *ret_value)
{
	while (line.len > 0 && line.data[0] == '>')
		line = bytes_trim(bytes_skip(line, 1));
	ptrdiff_t colon = bytes_find(bytes_first(line, 60), ':');
	if (colon <= 0 || is_mark(line.data[0]))
		return false;
	*ret_name = bytes_trim(bytes_first(line, (size_t)colon));
	*ret_value = bytes_trim(bytes_skip(line, (size_t)colon + 1));
	return ret_name->len > 0 && memchr(ret_name->data, ' ', ret_name->len) == NULL;
}

/* "rfc822; a@b" -> a@b, as it stands when it is no address. */
static struct bytes address_of(struct bytes value)
{
	struct bytes address;
	size_t at = 0;
	ptrdiff_t semicolon = bytes_find(value, ';');
	if (semicolon >= 0)
		value = bytes_skip(value, (size_t)semicolon + 1);
	if (text_address(value, &at, &address))
		return address;
	return BYTES_NONE;
}

static struct bytes without_type(struct bytes value)
{
	ptrdiff_t semicolon = bytes_find(bytes_first(value, 40), ';');
	if (semicolon > 0 && bytes_find(bytes_first(value, (size_t)semicolon), ' ') < 0)
		return bytes_trim(bytes_skip(value, (size_t)semicolon + 1));
	return value;
}

static enum report_action action_of(const struct group *group, struct enhanced_code status)
{
	static const struct {
		const char *word;
		enum report_action action;
	} words[] = {
		{"failed", ACTION_FAILED},	   {"failure", ACTION_FAILED},
		{"expired", ACTION_FAILED},	   {"error", ACTION_FAILED},
		{"delayed", ACTION_DELAYED},	   {"delivered", ACTION_DELIVERED},
		{"deliverable", ACTION_DELIVERED}, {"relayed", ACTION_RELAYED},
		{"expanded", ACTION_EXPANDED},
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (bytes_starts_with_nocase(group->action, words[i].word))
			return words[i].action;
	if (status.class == 2)
		return ACTION_DELIVERED;
	return status.class == 4 ? ACTION_DELAYED : ACTION_FAILED;
}

static enum report_kind kind_of(enum report_action action)
{
	if (action == ACTION_FAILED)
		return REPORT_BOUNCE;
	return action == ACTION_DELAYED ? REPORT_DELAY : REPORT_SUCCESS;
}

/* The reply's own code tells more than a status of nothing in particular, and than one that was made up on the way. */
static void set_codes(struct report_recipient *recipient, struct enhanced_code status)
{
	struct reply_codes codes;
	recipient->status = status;
	if (!reply_codes_find(recipient->diagnostic, &codes))
		return;
	recipient->code = codes.code;
	if (codes.enhanced.class >= 4 &&
	    (codes.enhanced.subject != 0 || codes.enhanced.detail != 0 || status.class == 0))
		recipient->status = codes.enhanced;
}

static void commit(struct reading *reading, struct group *group)
{
	struct bytes original = address_of(group->original), final = address_of(group->final);
	if (final.len == 0)
		final = address_of(group->actual);
	struct bytes address = original.len > 0 ? original : final;
	bool is_named = address.len > 0 || group->final.len > 0 || group->original.len > 0;
	struct enhanced_code status = {0};
	(void)enhanced_code_parse(group->status, &status);
	if (!is_named ||
	    !(group->action.len > 0 || group->status.len > 0 || group->diagnostic.len > 0)) {
		if (!is_named)
			*group = (struct group){0};
		return;
	}
	struct report_recipient *known = address.len > 0 ? reading_find(reading, address) : NULL;
	if (known && known->action == action_of(group, status)) { /* told twice */
		*group = (struct group){0};
		return;
	}
	struct report_recipient *recipient = reading_add(reading, address);
	if (recipient) {
		recipient->final = final;
		recipient->action = action_of(group, status);
		recipient->kind = kind_of(recipient->action);
		recipient->diagnostic = text_one_line(
			reading->arena, without_type(group->diagnostic), REPORT_DIAGNOSTIC_MAX);
		recipient->around = text_one_line(reading->arena, group->status, 200);
		recipient->remote = without_type(text_one_line(reading->arena, group->remote, 300));
		set_codes(recipient, status);
	}
	*group = (struct group){0};
}

static struct bytes *field_of(struct group *group, struct bytes name)
{
	if (bytes_is_nocase(name, "original-recipient"))
		return &group->original;
	if (bytes_is_nocase(name, "final-recipient"))
		return &group->final;
	if (bytes_is_nocase(name, "x-actual-recipient"))
		return &group->actual;
	if (bytes_is_nocase(name, "action"))
		return &group->action;
	if (bytes_is_nocase(name, "status"))
		return &group->status;
	if (bytes_is_nocase(name, "diagnostic-code"))
		return &group->diagnostic;
	return bytes_is_nocase(name, "remote-mta") ? &group->remote : NULL;
}

static bool take_message_field(struct reading *reading, struct bytes name, struct bytes value)
{
	struct report *report = reading->report;
	if (bytes_is_nocase(name, "reporting-mta"))
		report->reporter = without_type(value);
	else if (bytes_is_nocase(name, "original-envelope-id"))
		report->envelope_id = value;
	else if (bytes_is_nocase(name, "x-original-message-id"))
		report->message_id = value;
	else
		return false;
	return true;
}

/* Continuation lines follow the value in memory, quoted or not. */
static void extend(struct bytes *value, struct bytes line)
{
	if (value && value->len > 0 && value->len < REPORT_DIAGNOSTIC_MAX * 2)
		value->len = (size_t)(line.data + line.len - value->data);
}

static void take_line(struct reading *reading, struct group *group, struct bytes line,
		      struct bytes **last)
{
	struct bytes name, value;
	if (!split_field(line, &name, &value)) {
		extend(*last, line);
		return;
	}
	struct bytes *field = field_of(group, name);
	*last = field;
	if (!field) {
		(void)take_message_field(reading, name, value);
		return;
	}
	if (field->len > 0 && (field == &group->final || field == &group->original))
		commit(reading, group);
	if (field->len == 0)
		*field = value;
	else
		*last = NULL;
}

bool status_is_there(struct bytes text)
{
	return text_has(text, "final-recipient:") || text_has(text, "original-recipient:");
}

void status_read(struct reading *reading, struct bytes text)
{
	struct group group = {0};
	struct bytes *last = NULL;
	while (text.len > 0) {
		struct bytes line = text_line(&text), bare = line;
		while (bare.len > 0 && is_mark(bare.data[0]))
			bare = bytes_skip(bare, 1);
		if (bare.len == 0) {
			commit(reading, &group);
			last = NULL;
		} else {
			take_line(reading, &group, line, &last);
		}
	}
	commit(reading, &group);
}
