/* Three parts: for people, for programs, and what is returned of the mail. What remote hosts and senders gave is cut to one line of ASCII
 * before it becomes a field. */
#include "lib/mail/dsn.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/mail/encode.h"
#include "lib/mail/header.h"

#define FIELD_MAX     900 /* a line of mail has 998 bytes at the most */
#define BOUNDARY_SIZE 96

struct writing { /* the first error stays */
	const struct dsn *dsn;
	struct buf *out;
	enum err err;
	char boundary[BOUNDARY_SIZE];
};

static const struct wording {
	const char *action, *subject, *sentence;
} wordings[DSN_KIND_COUNT] = {
	[DSN_FAILED] = {"failed", "Your mail could not be delivered",
			"Your mail could not be delivered to the recipients below. It will not be "
			"tried again."},
	[DSN_DELAYED] = {"delayed", "Your mail is delayed",
			 "Your mail could not be delivered yet to the recipients below. It is "
			 "being tried still: "
			 "there is nothing that you must do."},
	[DSN_RELAYED] =
		{"relayed", "Your mail was passed on",
		 "Your mail was passed on to a host that does not tell of delivery, for the "
		 "recipients below. You may hear no more of it."},
	[DSN_DELIVERED] = {"delivered", "Your mail was delivered",
			   "Your mail was delivered to the recipients below."},
};

const char *dsn_kind_name(enum dsn_kind kind)
{
	return wordings[kind].action;
}

/* ---- pieces ---- */

static void put(struct writing *w, const char *text)
{
	if (w->err == OK)
		w->err = buf_append_text(w->out, text);
}

static void put_bytes(struct writing *w, struct bytes b)
{
	if (w->err == OK && b.len > 0)
		w->err = buf_append(w->out, b);
}

/* Printable ASCII on one line. */
static void put_clean(struct writing *w, struct bytes text, size_t max)
{
	text = bytes_first(text, max < FIELD_MAX ? max : FIELD_MAX);
	for (size_t i = 0; w->err == OK && i < text.len; i++) {
		uint8_t c = text.data[i];
		uint8_t shown = c == '\n' || c == '\t' ? ' ' : c < ' ' || c >= 0x7f ? '?' : c;
		w->err = buf_append(w->out, bytes_from(&shown, 1));
	}
}

/* The same in UTF-8. */
static void put_line(struct writing *w, struct bytes text)
{
	for (size_t i = 0; w->err == OK && i < text.len; i++) {
		uint8_t c = text.data[i] < ' ' || text.data[i] == 0x7f ? ' ' : text.data[i];
		w->err = buf_append(w->out, bytes_from(&c, 1));
	}
}

static void put_date(struct writing *w, const char *name, int64_t wall_ms)
{
	char date[CLOCK_RFC5322_SIZE];
	if (wall_ms <= 0)
		return;
	clock_rfc5322(wall_ms, date);
	put(w, name);
	put(w, date);
	put(w, "\r\n");
}

/* ---- addresses ---- */

/* One character of UTF-8 at the front; its length, 0 when it is none. */
static size_t take_rune(struct bytes b, uint32_t *ret)
{
	size_t len = b.data[0] < 0x80 ? 1 : b.data[0] < 0xe0 ? 2 : b.data[0] < 0xf0 ? 3 : 4;
	if (len > b.len || !bytes_is_utf8(bytes_first(b, len)))
		return 0;
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	*ret = b.data[0] & masks[len];
	for (size_t i = 1; i < len; i++)
		*ret = *ret << 6 | (b.data[i] & 0x3fu);
	return len;
}

/* RFC 6533 3: utf-8-addr-xtext, which keeps the field in ASCII. */
static void put_unicode_address(struct writing *w, struct bytes address)
{
	put(w, "utf-8; ");
	while (w->err == OK && address.len > 0) {
		uint32_t rune = '?';
		size_t len = take_rune(address, &rune);
		if (rune > ' ' && rune < 0x7f && rune != '+' && rune != '=' && rune != '\\')
			put_clean(w, bytes_first(address, 1), 1);
		else if (w->err == OK)
			w->err = buf_printf(w->out, "\\x{%X}", (unsigned)rune);
		address = bytes_skip(address, len > 0 ? len : 1);
	}
}

static void put_address(struct writing *w, const char *name, struct bytes address)
{
	put(w, name);
	if (bytes_is_ascii(address)) {
		put(w, "rfc822; ");
		put_clean(w, address, FIELD_MAX);
	} else {
		put_unicode_address(w, address);
	}
	put(w, "\r\n");
}

/* ---- for programs (RFC 3464 2) ---- */

/* A status says what the Action says, whatever the reply's was. */
static struct enhanced_code status_of(enum dsn_kind kind, struct enhanced_code told)
{
	static const uint16_t classes[DSN_KIND_COUNT] = {
		[DSN_FAILED] = 5, [DSN_DELAYED] = 4, [DSN_RELAYED] = 2, [DSN_DELIVERED] = 2};
	bool expired = kind == DSN_FAILED && told.class == 4; /* given up on what was temporary */
	if (told.class == classes[kind] || expired)
		return told;
	return (struct enhanced_code){classes[kind], 0, 0};
}

static void put_diagnostic(struct writing *w, const struct dsn_recipient *recipient)
{
	if (recipient->code == 0 || recipient->remote_host.len == 0)
		return;
	if (w->err == OK)
		w->err = buf_printf(w->out, "Diagnostic-Code: smtp; %u ", recipient->code);
	if (recipient->replied.class != 0 && w->err == OK)
		w->err = buf_printf(w->out, "%u.%u.%u ", recipient->replied.class,
				    recipient->replied.subject, recipient->replied.detail);
	put_clean(w, recipient->text, FIELD_MAX - 50);
	put(w, "\r\n");
}

static void put_status(struct writing *w, const struct dsn_recipient *recipient)
{
	const struct dsn *dsn = w->dsn;
	char status[16];
	enhanced_code_text(status_of(dsn->kind, recipient->status), status);
	put(w, "\r\n");
	if (bytes_find(recipient->original, ';') > 0) {
		put(w, "Original-Recipient: ");
		put_clean(w, recipient->original, FIELD_MAX);
		put(w, "\r\n");
	}
	put_address(w, "Final-Recipient: ", recipient->address);
	put(w, "Action: ");
	put(w, dsn_kind_name(dsn->kind));
	put(w, "\r\nStatus: ");
	put(w, status);
	put(w, "\r\n");
	if (recipient->remote_host.len > 0) {
		put(w, "Remote-MTA: dns; ");
		put_clean(w, recipient->remote_host, 255);
		put(w, "\r\n");
	}
	put_diagnostic(w, recipient);
	put_date(w, "Last-Attempt-Date: ", recipient->at_wall_ms);
	if (dsn->kind == DSN_DELAYED)
		put_date(w, "Will-Retry-Until: ", recipient->given_up_wall_ms);
}

static void put_statuses(struct writing *w)
{
	const struct dsn *dsn = w->dsn;
	put(w, "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; ");
	put_clean(w, dsn->hostname, 255);
	put(w, "\r\n");
	if (dsn->envelope_id.len > 0) {
		put(w, "Original-Envelope-Id: ");
		put_clean(w, dsn->envelope_id, 255);
		put(w, "\r\n");
	}
	put_date(w, "Arrival-Date: ", dsn->arrived_wall_ms);
	for (size_t i = 0; i < dsn->recipient_count; i++)
		put_status(w, &dsn->recipients[i]);
}

/* ---- for people ---- */

static void tell_recipient(struct writing *w, const struct dsn_recipient *recipient)
{
	put(w, "<");
	put_line(w, bytes_first(recipient->address, FIELD_MAX));
	put(w, ">");
	if (w->dsn->kind <= DSN_DELAYED && recipient->text.len > 0) {
		bool was_told = recipient->remote_host.len > 0 && recipient->code > 0;
		put(w, ":\r\n    ");
		put_line(w, bytes_first(recipient->remote_host, 255));
		put(w, recipient->remote_host.len > 0 ? was_told ? " said: " : ": " : "");
		if (was_told && w->err == OK)
			w->err = buf_printf(w->out, "%u ", recipient->code);
		put_line(w, bytes_first(recipient->text, REPLY_TEXT_MAX));
	}
	put(w, "\r\n\r\n");
}

static void put_explanation(struct writing *w)
{
	struct buf text, *out = w->out;
	put(w, "Content-Type: text/plain; charset=utf-8\r\n"
	       "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	buf_init(&text, DSN_RECIPIENTS_MAX * (DSN_RECIPIENT_SIZE_MAX / 2));
	w->out = &text;
	put(w, "This is the mail system of ");
	put_clean(w, w->dsn->hostname, 255);
	put(w, ".\r\n\r\n");
	put(w, wordings[w->dsn->kind].sentence);
	put(w, "\r\n\r\n");
	for (size_t i = 0; i < w->dsn->recipient_count; i++)
		tell_recipient(w, &w->dsn->recipients[i]);
	w->out = out;
	if (w->err == OK)
		w->err = quoted_printable_write(buf_bytes(&text), out);
	buf_done(&text);
}

/* ---- what is returned ---- */

static struct bytes header_of(struct bytes message)
{
	size_t len = header_length(message, 0);
	return len > 0 ? bytes_first(message, len) : message;
}

/* Who was written to in secret stays so. */
static void put_headers(struct writing *w)
{
	struct bytes rest = header_of(w->dsn->message);
	struct header_field field;
	size_t room = DSN_HEADERS_MAX;
	while (header_next(&rest, &field)) {
		bool is_secret = bytes_is_nocase(bytes_trim(field.name), "Bcc") ||
				 bytes_is_nocase(bytes_trim(field.name), "Resent-Bcc");
		if (is_secret || field.name.len == 0)
			continue;
		if (field.whole.len > room)
			return;
		put_bytes(w, field.whole);
		room -= field.whole.len;
	}
}

static struct bytes returned_of(const struct dsn *dsn)
{
	return dsn->is_full ? dsn->message : header_of(dsn->message);
}

static void put_returned(struct writing *w)
{
	const struct dsn *dsn = w->dsn;
	put(w, dsn->is_full ? "Content-Type: message/rfc822\r\n"
			    : "Content-Type: text/rfc822-headers\r\n");
	if (!bytes_is_ascii(returned_of(dsn)))
		put(w, "Content-Transfer-Encoding: 8bit\r\n");
	put(w, "\r\n");
	if (dsn->is_full)
		put_bytes(w, dsn->message);
	else
		put_headers(w);
}

/* ---- the whole ---- */

/* A sender who guesses the boundary could write parts of the notice. */
static void choose_boundary(struct writing *w)
{
	for (unsigned i = 0;; i++) {
		(void)snprintf(w->boundary, sizeof w->boundary, "=_%.*s.%u",
			       BYTES_ARGS(bytes_first(w->dsn->id, 64)), i);
		struct bytes message = w->dsn->message;
		if (message.len == 0 ||
		    !memmem(message.data, message.len, w->boundary, strlen(w->boundary)))
			return;
	}
}

static void put_boundary(struct writing *w, const char *end)
{
	put(w, "\r\n--");
	put(w, w->boundary);
	put(w, end);
}

static void put_header(struct writing *w, bool is_8bit)
{
	const struct dsn *dsn = w->dsn;
	char date[CLOCK_RFC5322_SIZE];
	clock_rfc5322(dsn->at_wall_ms, date);
	if (w->err == OK)
		w->err = header_address_write(BYTES("From"), BYTES("Mail delivery"), dsn->from,
					      w->out);
	if (w->err == OK)
		w->err = header_address_write(BYTES("To"), BYTES_NONE, dsn->to, w->out);
	if (w->err == OK)
		w->err = buf_printf(
			w->out,
			"Subject: %s\r\nDate: %s\r\nMessage-ID: <%.*s@%.*s>\r\n"
			"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n%s"
			"Content-Type: multipart/report; report-type=delivery-status;\r\n"
			"\tboundary=\"%s\"\r\n",
			wordings[dsn->kind].subject, date, BYTES_ARGS(dsn->id),
			BYTES_ARGS(dsn->hostname),
			is_8bit ? "Content-Transfer-Encoding: 8bit\r\n" : "", w->boundary);
}

enum err dsn_write(const struct dsn *dsn, struct buf *out, bool *ret_is_8bit)
{
	struct writing w = {.dsn = dsn, .out = out};
	bool is_8bit = !bytes_is_ascii(returned_of(dsn));
	assert(dsn->recipient_count > 0 && dsn->recipient_count <= DSN_RECIPIENTS_MAX);
	choose_boundary(&w);
	put_header(&w, is_8bit);
	put_boundary(&w, "\r\n");
	put_explanation(&w);
	put_boundary(&w, "\r\n");
	put_statuses(&w);
	if (dsn->message.len > 0) {
		put_boundary(&w, "\r\n");
		put_returned(&w);
	}
	put_boundary(&w, "--\r\n");
	*ret_is_8bit = is_8bit || !bytes_is_ascii(dsn->to) || !bytes_is_ascii(dsn->from);
	return w.err;
}
