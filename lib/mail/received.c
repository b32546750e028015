/* Trace headers. The writer trusts nothing it is given: each value keeps only characters that cannot end a clause, a comment or the
 * line. The scanner is a state machine over single bytes, so that pieces may be cut anywhere. */
#include "lib/mail/received.h"

#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/clock.h"

#define VALUE_MAX 255

/* Characters of host names, address literals, ids and protocol names. */
static bool is_harmless(uint8_t c)
{
	return ascii_is_letter_or_digit(c) || (c != 0 && strchr(".-_:[]+/=", c));
}

static void clean(const char *value, char out[VALUE_MAX + 1])
{
	size_t len = 0;
	for (const char *c = value ? value : ""; *c && len < VALUE_MAX; c++)
		out[len++] = is_harmless((uint8_t)*c) ? *c : '?';
	out[len] = '\0';
}

/* "from helo ([192.0.2.1])" as far as it is known: a submission from the broker has neither. */
static enum err write_from(const struct received *received, struct buf *out)
{
	char helo[VALUE_MAX + 1], ip[VALUE_MAX + 1];
	clean(received->client_helo, helo);
	clean(received->client_ip, ip);
	if (!helo[0] && !ip[0])
		return OK;
	const char *tag = strchr(ip, ':') ? "IPv6:" : "";
	if (!ip[0])
		return buf_printf(out, "from %s\r\n\t", helo);
	return buf_printf(out, "from %s ([%s%s])\r\n\t", helo[0] ? helo : "unknown", tag, ip);
}

/* Only what surely reads as one mailbox is told; a trace header may go without its "for". */
static bool can_tell_recipient(const char *recipient)
{
	if (!recipient || !recipient[0] || strlen(recipient) > VALUE_MAX)
		return false;
	for (const char *c = recipient; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("<>\"\\()", *c))
			return false;
	return true;
}

static enum err write_all(const struct received *received, struct buf *out)
{
	char by[VALUE_MAX + 1], protocol[VALUE_MAX + 1], id[VALUE_MAX + 1];
	char date[CLOCK_RFC5322_SIZE];
	clean(received->by_host, by);
	clean(received->protocol, protocol);
	clean(received->id, id);
	clock_rfc5322(received->wall_ms, date);
	enum err err = buf_append_text(out, "Received: ");
	if (err == OK)
		err = write_from(received, out);
	if (err == OK)
		err = buf_printf(out, "by %s (Leveret) with %s id %s", by, protocol, id);
	if (err == OK && can_tell_recipient(received->for_recipient))
		err = buf_printf(out, "\r\n\tfor <%s>", received->for_recipient);
	if (err == OK)
		err = buf_printf(out, ";\r\n\t%s\r\n", date);
	return err;
}

enum err received_write(const struct received *received, struct buf *out)
{
	struct buf field; /* all or nothing for `out` */
	buf_init(&field, 4096);
	enum err err = write_all(received, &field);
	if (err == OK)
		err = buf_append(out, buf_bytes(&field));
	buf_done(&field);
	return err;
}

enum scan_state {
	SCAN_NAME,    /* so far the line is the beginning of "Received", `matched` bytes of it */
	SCAN_COLON,   /* "Received" is complete; blanks may stand before its colon (RFC 5322 4.5) */
	SCAN_LINE,    /* inside a line that needs no more looking at */
	SCAN_EMPTY_CR /* a CR was the first byte of the line */
};

void header_scan_init(struct header_scan *scan)
{
	*scan = (struct header_scan){.state = SCAN_NAME};
}

static void scan_name(struct header_scan *scan, uint8_t c)
{
	static const char name[] = "received";
	if (scan->matched == 0 && c == '\r')
		scan->state = SCAN_EMPTY_CR;
	else if ((c | 0x20) != name[scan->matched])
		scan->state = SCAN_LINE;
	else if (++scan->matched == sizeof name - 1)
		scan->state = SCAN_COLON;
}

static void scan_byte(struct header_scan *scan, uint8_t c)
{
	if (c == '\n') {
		bool is_empty = scan->state == SCAN_EMPTY_CR ||
				(scan->state == SCAN_NAME && scan->matched == 0);
		scan->is_done = is_empty;
		scan->state = SCAN_NAME;
		scan->matched = 0;
		return;
	}
	if (c >= 0x80)
		scan->has_8bit = true;
	if (scan->state == SCAN_NAME) {
		scan_name(scan, c);
	} else if (scan->state == SCAN_COLON) {
		if (c == ':')
			scan->received_count++;
		if (c != ' ' && c != '\t')
			scan->state = SCAN_LINE;
	} else {
		scan->state = SCAN_LINE;
	}
}

void header_scan_feed(struct header_scan *scan, struct bytes b)
{
	for (size_t i = 0; i < b.len && !scan->is_done; i++)
		scan_byte(scan, b.data[i]);
}
