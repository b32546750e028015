/* One mail, read in order of certainty: what is told in a form made for it, then prose of mailer daemons, then answers of people's
 * programs. What comes back of the original is never taken for the report. */
#include "lib/report/report.h"

#include <string.h>

#include "lib/report/inner.h"
#include "lib/report/reply_text.h"

const char *report_kind_name(enum report_kind kind)
{
	static const char *const names[] = {
#define NAME(name, text) text,
		REPORT_KINDS(NAME)
#undef NAME
	};
	return names[kind];
}

const char *report_action_name(enum report_action action)
{
	static const char *const names[] = {"",		 "failed",  "delayed",
					    "delivered", "relayed", "expanded"};
	return names[action];
}

/* ---- recipients ---- */

/* The slot of this address, or the free one where it would be. */
static uint16_t *slot_of(struct reading *reading, struct bytes address)
{
	uint32_t hash = 2166136261u; /* FNV-1a; few keys, so nobody gains by making them collide */
	for (size_t i = 0; i < address.len; i++)
		hash = (hash ^ (address.data[i] | 0x20u)) * 16777619u;
	for (;; hash++) {
		uint16_t *slot = &reading->by_address[hash % RECIPIENT_SLOTS];
		if (*slot == 0 ||
		    bytes_equal_nocase(reading->report->recipients[*slot - 1].address, address))
			return slot;
	}
}

struct report_recipient *reading_find(struct reading *reading, struct bytes address)
{
	uint16_t index = *slot_of(reading, address);
	return index ? &reading->report->recipients[index - 1] : NULL;
}

static void grow(struct reading *reading)
{
	struct report *report = reading->report;
	reading->capacity = reading->capacity ? reading->capacity * 4 : 4;
	struct report_recipient *items =
		arena_zalloc(reading->arena, reading->capacity, sizeof(struct report_recipient));
	if (report->count > 0)
		memcpy(items, report->recipients, report->count * sizeof items[0]);
	report->recipients = items;
}

struct report_recipient *reading_add(struct reading *reading, struct bytes address)
{
	struct report *report = reading->report;
	if (report->count == REPORT_RECIPIENTS_MAX) {
		report->is_cut = true;
		return NULL;
	}
	if (report->count == reading->capacity)
		grow(reading);
	uint16_t *slot = slot_of(reading, address);
	struct report_recipient *recipient = &report->recipients[report->count++];
	recipient->address = address;
	if (*slot == 0 && address.len > 0)
		*slot = (uint16_t)report->count;
	return recipient;
}

/* ---- parts ---- */

/* Not inside a mail that was attached: that one is the original, or a report on another matter. */
static bool is_own_part(const struct reading *reading, size_t index)
{
	while (index != 0) {
		index = reading->mime.parts[index].parent;
		if (index != 0 && mime_is_message(&reading->mime.parts[index]))
			return false;
	}
	return true;
}

static const struct mime_part *find_part(const struct reading *reading, const char *type)
{
	for (size_t i = 0; i < reading->mime.count; i++)
		if (strcmp(reading->mime.parts[i].type, type) == 0 && is_own_part(reading, i))
			return &reading->mime.parts[i];
	return NULL;
}

static struct bytes text_of(const struct reading *reading, const struct mime_part *part)
{
	return mime_text(reading->arena, part, REPORT_TEXT_MAX);
}

/* The first text for people: plain rather than HTML. */
static struct bytes notice_of(const struct reading *reading)
{
	const struct mime_part *best = NULL;
	for (size_t i = 0; i < reading->mime.count; i++) {
		const struct mime_part *part = &reading->mime.parts[i];
		bool is_plain = strcmp(part->type, "text/plain") == 0;
		if ((!is_plain && strcmp(part->type, "text/html") != 0) || !is_own_part(reading, i))
			continue;
		if (!best || (is_plain && (strcmp(best->type, "text/html") == 0 ||
					   text_trim(best->body).len == 0)))
			best = part;
	}
	if (!best && mime_is_multipart(&reading->mime.parts[0]))
		best = &reading->mime.parts[0];
	return best ? text_of(reading, best) : BYTES_NONE;
}

/* The header of the mail that was attached, whole or not. */
static struct bytes original_of(const struct reading *reading)
{
	for (size_t i = 1; i < reading->mime.count; i++) {
		const struct mime_part *part = &reading->mime.parts[i];
		if (mime_is_message(&reading->mime.parts[part->parent]))
			return part->header;
		if (strncmp(part->type, "text/rfc822-header", 18) == 0 ||
		    strncmp(part->type, "message/rfc822-header", 21) == 0)
			return text_of(reading, part);
	}
	return BYTES_NONE;
}

static void prepare(struct reading *reading)
{
	static const char *const daemons[] = {"mailer-daemon",	   "mailer_daemon",
					      "mail-daemon",	   "maildaemon",
					      "postmaster",	   "post_master",
					      "post-master",	   "mail delivery",
					      "mail-delivery",	   "mdaemon",
					      "mail.delivery",	   "mail administrator",
					      "mail system",	   "system administrator",
					      "microsoftexchange", NULL};
	struct bytes value, header = reading->mime.parts[0].header;
	size_t at = 0;
	if (mime_field(header, "subject", &value))
		reading->subject = bytes_first(mime_words(reading->arena, value), 1000);
	if (mime_field(header, "from", &value)) {
		reading->is_from_daemon = text_has_any(bytes_first(value, 1000), daemons);
		(void)text_address(value, &at, &reading->from);
	}
	at = 0;
	if (mime_field(header, "to", &value))
		(void)text_address(value, &at, &reading->to);
	reading->original = original_of(reading);
}

/* ---- in a form made for it ---- */

static bool is_report_type(const struct reading *reading, const char *type)
{
	struct bytes value;
	char report_type[40];
	return mime_field(reading->mime.parts[0].header, "content-type", &value) &&
	       mime_parameter(value, "report-type", report_type, sizeof report_type) &&
	       bytes_is_nocase(bytes_of(report_type), type);
}

static bool is_tls_report(const struct reading *reading)
{
	struct bytes value;
	return is_report_type(reading, "tlsrpt") || find_part(reading, "application/tlsrpt+gzip") ||
	       find_part(reading, "application/tlsrpt+json") ||
	       mime_field(reading->mime.parts[0].header, "tls-report-domain", &value);
}

/* "receiver!domain!begin!end.xml.gz" (RFC 7489 7.2.1.1), or the subject of the same section. */
static bool is_dmarc_report(const struct reading *reading)
{
	if (text_has(reading->subject, "report domain:") &&
	    text_has(reading->subject, "submitter:"))
		return true;
	for (size_t i = 0; i < reading->mime.count; i++) {
		struct bytes value;
		char name[300] = "";
		const struct mime_part *part = &reading->mime.parts[i];
		if (strncmp(part->type, "application/", 12) != 0 &&
		    strcmp(part->type, "text/xml") != 0)
			continue;
		if (mime_field(part->header, "content-disposition", &value))
			(void)mime_parameter(value, "filename", name, sizeof name);
		if (name[0] == '\0' && mime_field(part->header, "content-type", &value))
			(void)mime_parameter(value, "name", name, sizeof name);
		const char *mark = strchr(name, '!');
		mark = mark ? strchr(mark + 1, '!') : NULL;
		if (mark && strchr(mark + 1, '!'))
			return true;
	}
	return false;
}

static enum report_kind kind_of_recipients(const struct report *report)
{
	enum report_kind kind = report->recipients[0].kind;
	for (size_t i = 0; i < report->count; i++)
		if (report->recipients[i].kind == REPORT_BOUNCE)
			kind = REPORT_BOUNCE;
	return kind;
}

/* Delivery statuses, wherever they are: in their part, in an attached report (a bounce that was forwarded), in a text. */
static bool read_statuses(struct reading *reading)
{
	bool has_seen_own = false;
	for (int is_own = 1; is_own >= 0 && !has_seen_own; is_own--)
		for (size_t i = 0; i < reading->mime.count; i++) {
			const struct mime_part *part = &reading->mime.parts[i];
			bool is_status = strcmp(part->type, "message/delivery-status") == 0 ||
					 strcmp(part->type, "message/global-delivery-status") == 0;
			if (!is_status || is_own_part(reading, i) != (is_own == 1))
				continue;
			if (is_own == 0 && has_seen_own)
				continue;
			has_seen_own = true;
			status_read(reading, text_of(reading, part));
		}
	if (reading->report->count == 0 && status_is_there(reading->notice))
		status_read(reading, reading->notice);
	if (reading->report->count == 0)
		return false;
	reading->report->kind = kind_of_recipients(reading->report);
	return true;
}

/* Microsoft's Junk Mail Reporting sends the mail alone, and the recipient in a field of its own. */
static bool is_junk_mail_report(const struct reading *reading)
{
	struct bytes value;
	return mime_field(reading->mime.parts[0].header, "x-hmxmroriginalrecipient", &value) ||
	       mime_field(reading->original, "x-hmxmroriginalrecipient", &value) ||
	       bytes_starts_with_nocase(reading->subject, "complaint about message from");
}

static bool read_feedback(struct reading *reading)
{
	const struct mime_part *part = find_part(reading, "message/feedback-report");
	if (!part && !is_junk_mail_report(reading))
		return false;
	reading->report->kind = REPORT_COMPLAINT;
	if (part)
		feedback_read(reading, text_of(reading, part));
	else
		reading->report->feedback_type = BYTES("abuse");
	return true;
}

static bool read_forms(struct reading *reading)
{
	struct report *report = reading->report;
	if (is_tls_report(reading))
		report->kind = REPORT_TLS;
	else if (is_dmarc_report(reading))
		report->kind = REPORT_DMARC;
	else if (find_part(reading, "message/disposition-notification"))
		report->kind = REPORT_RECEIPT;
	else
		return read_feedback(reading) || read_statuses(reading) ||
		       notification_read(reading, reading->notice);
	return true;
}

/* ---- in prose ---- */

static void read_prose(struct reading *reading)
{
	struct report *report = reading->report;
	enum report_kind answer = answer_kind(reading);
	bool is_answer = answer != REPORT_UNKNOWN && !reading->is_from_daemon;
	if (!is_answer && notice_is_bounce(reading)) {
		bool is_delay = notice_is_delay(reading);
		notice_read(reading);
		original_read(reading);
		report->kind = is_delay ? REPORT_DELAY : REPORT_BOUNCE;
		for (size_t i = 0; i < report->count; i++) {
			report->recipients[i].kind = report->kind;
			report->recipients[i].action = is_delay ? ACTION_DELAYED : ACTION_FAILED;
		}
		if (report->count == 0 && answer != REPORT_UNKNOWN)
			report->kind = answer;
		return;
	}
	report->kind = answer;
}

/* Who answered, who complained: the author of the mail. */
static void name_author(struct reading *reading)
{
	enum report_kind kind = reading->report->kind;
	if (kind != REPORT_AUTO_REPLY && kind != REPORT_CHALLENGE && kind != REPORT_UNSUBSCRIBE &&
	    kind != REPORT_RECEIPT)
		return;
	struct report_recipient *recipient = reading_add(reading, reading->from);
	if (recipient)
		recipient->kind = kind;
}

/* Whatever is told in general, a status of success or delay of one recipient stays its own. */
static void finish(struct reading *reading)
{
	struct report *report = reading->report;
	for (size_t i = 0; i < report->count; i++)
		if (report->recipients[i].kind == REPORT_UNKNOWN)
			report->recipients[i].kind = report->kind;
	report->is_cut = report->is_cut || reading->mime.is_cut;
}

void report_read(struct arena *arena, struct bytes mail, struct report *ret)
{
	struct reading reading = {.arena = arena, .report = ret};
	*ret = (struct report){0};
	mime_read(arena, mail, &reading.mime);
	prepare(&reading);
	struct bytes text = notice_of(&reading);
	reading.notice = text;
	bool is_form = read_forms(&reading);
	notice_cut(&reading, text);
	if (!is_form)
		read_prose(&reading);
	if (ret->kind == REPORT_BOUNCE || ret->kind == REPORT_DELAY || ret->kind == REPORT_SUCCESS)
		notice_explain(&reading);
	name_author(&reading);
	if (ret->kind != REPORT_UNKNOWN && ret->kind != REPORT_AUTO_REPLY)
		original_read(&reading);
	finish(&reading);
}
