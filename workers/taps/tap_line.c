/* See tap_line.h. */
#include "workers/taps/tap_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

#define NAME_ROOM 2000 /* of an address or a name, written */
#define ONE_ROOM  32
#define TEXT_ROOM (TAP_TEXT_MAX * 6 + 32)

/* ---- escaping ---- */

static size_t character_length(struct bytes b)
{
	for (size_t len = 1; len <= 4 && len <= b.len; len++)
		if (bytes_is_utf8(bytes_first(b, len)))
			return len;
	return 0;
}

static uint32_t code_point(const uint8_t *data, size_t len)
{
	static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = data[0] & first_bits[len];
	for (size_t i = 1; i < len; i++)
		code = code << 6 | (data[i] & 0x3f);
	return code;
}

/* C0, DEL, C1; line separators; what turns the direction of what follows. */
static bool is_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
	       code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0x061c;
}

/* One character, or one byte that is none; 25 bytes are enough. */
static size_t escape_one(struct bytes b, bool as_json, char out[ONE_ROOM], size_t *ret_used)
{
	size_t len = character_length(b), count = 0;
	*ret_used = len ? len : 1;
	uint32_t code = len ? code_point(b.data, len) : 0xfffd;
	if (as_json && (len == 0 || is_harmful(code)))
		return (size_t)snprintf(out, ONE_ROOM, "\\u%04x", (unsigned)code);
	if (as_json && (code == '"' || code == '\\'))
		return (size_t)snprintf(out, ONE_ROOM, "\\%c", (char)code);
	if (len == 0 || is_harmful(code) || code == '\\') {
		for (size_t i = 0; i < *ret_used; i++)
			count += (size_t)snprintf(out + count, ONE_ROOM - count, "\\x%02x",
						  b.data[i]);
		return count;
	}
	memcpy(out, b.data, len);
	return len;
}

void tap_escape(struct bytes b, bool as_json, char *out, size_t size)
{
	size_t at = 0;
	while (b.len > 0) {
		char one[ONE_ROOM];
		size_t used, len = escape_one(b, as_json, one, &used);
		if (at + len + 1 > size)
			break;
		memcpy(out + at, one, len);
		at += len;
		b = bytes_skip(b, used);
	}
	out[at] = '\0';
}

/* What was said, cut where it is long. */
static void escape_text(struct bytes text, bool as_json, char out[TEXT_ROOM])
{
	tap_escape(bytes_first(text, TAP_TEXT_MAX), as_json, out, TEXT_ROOM - 24);
	if (text.len > TAP_TEXT_MAX)
		(void)snprintf(out + strlen(out), 24, " [%u bytes more]",
			       (unsigned)(text.len - TAP_TEXT_MAX));
}

/* ---- one line ---- */

static const char *const names[] = {
#define X(kind, name, ...) name,
	TAP_KINDS(X)
#undef X
};

static const char *const marks[] = {
#define X(kind, name, mark) mark,
	TAP_KINDS(X)
#undef X
};

/* A member with its comma before it, when there is something to tell. */
static enum err put_member(struct buf *out, const char *name, struct bytes value)
{
	char escaped[NAME_ROOM];
	if (value.len == 0)
		return OK;
	tap_escape(value, true, escaped, sizeof escaped);
	return buf_printf(out, ",\"%s\":\"%s\"", name, escaped);
}

static enum err put_address(struct buf *out, const char *name, const struct net_address *address)
{
	char text[NET_ADDRESS_SIZE];
	if (!address || address->len == 0)
		return OK;
	net_address_text(address, text);
	return put_member(out, name, bytes_of(text));
}

static enum err put_members(const struct tap_line *line, struct buf *out)
{
	enum err err = OK;
	if (line->session > 0)
		err = buf_printf(out, ",\"session\":%" PRIu64, line->session);
	if (!err)
		err = put_member(out, "site", line->site);
	if (!err)
		err = put_member(out, "next_hop", line->next_hop);
	if (!err)
		err = put_member(out, "source", line->source);
	if (!err)
		err = put_address(out, "source_address", line->local);
	if (!err)
		err = put_member(out, "mx", bytes_of(line->mx));
	if (!err)
		err = put_address(out, "mx_address", line->remote);
	if (!err)
		err = put_member(out, "message", line->message);
	if (!err)
		err = put_member(out, "recipient", line->recipient);
	if (!err && line->after_ms >= 0)
		err = buf_printf(out, ",\"after_ms\":%" PRId64, line->after_ms);
	return err;
}

static enum err write_json(const struct tap_line *line, struct buf *out)
{
	char at[CLOCK_RFC3339_SIZE], text[TEXT_ROOM];
	clock_rfc3339(line->wall_ms, at);
	enum err err = buf_printf(out, "{\"at\":\"%s\",\"kind\":\"%s\"", at, names[line->kind]);
	if (!err)
		err = put_member(out, "worker", bytes_of(line->worker));
	if (!err)
		err = put_member(out, "host", bytes_of(line->host));
	if (!err)
		err = put_members(line, out);
	escape_text(line->text, true, text);
	return err ? err : buf_printf(out, ",\"text\":\"%s\"}\n", text);
}

/* "TIME WORKER #SESSION mark text": what else is known of a session is in the lines of its beginning. */
static enum err write_text(const struct tap_line *line, struct buf *out)
{
	char at[CLOCK_RFC3339_SIZE], text[TEXT_ROOM], worker[NAME_ROOM], recipient[NAME_ROOM];
	clock_rfc3339(line->wall_ms, at);
	tap_escape(bytes_of(line->worker), false, worker, sizeof worker);
	tap_escape(line->recipient, false, recipient, sizeof recipient);
	escape_text(line->text, false, text);
	enum err err = buf_printf(out, "%s %s", at, worker);
	if (!err && line->session > 0)
		err = buf_printf(out, " #%" PRIu64, line->session);
	if (!err)
		err = buf_printf(out, " %s%s%s%s", marks[line->kind], recipient,
				 recipient[0] ? ": " : "", text);
	if (!err && line->after_ms >= 0)
		err = buf_printf(out, " (%" PRId64 " ms)", line->after_ms);
	return err ? err : buf_append_text(out, "\n");
}

enum err tap_line_write(const struct tap_line *line, bool as_json, struct buf *out)
{
	size_t before = out->len;
	enum err err = as_json ? write_json(line, out) : write_text(line, out);
	if (err)
		out->len = before;
	return err;
}
