#include "lib/mail/encode.h"

#include <string.h>

#include "lib/base/ascii.h"

#define LINE_MAX       76  /* but for what cannot be folded; 998 is what mail allows */
#define WORD_BYTES     42  /* of text in an encoded word: 56 of base 64, within its 75 */
#define PLAIN_WORD_MAX 200 /* a longer one cannot be folded well: it is encoded */
#define FIELD_NAME_MAX 76
#define COLUMN_MAX     20 /* the first encoded word, 68 bytes, begins a line of its own behind it */

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- base 64 ---- */

static void base64_group(const uint8_t *in, size_t len, char out[4])
{
	uint32_t bits = (uint32_t)in[0] << 16 | (len > 1 ? (uint32_t)in[1] << 8 : 0) |
			(len > 2 ? in[2] : 0);
	out[0] = base64_digits[bits >> 18];
	out[1] = base64_digits[bits >> 12 & 63];
	out[2] = len > 1 ? base64_digits[bits >> 6 & 63] : '=';
	out[3] = len > 2 ? base64_digits[bits & 63] : '=';
}

static enum err base64_write(struct bytes b, struct buf *out)
{
	for (size_t i = 0; i < b.len; i += 3) {
		char group[4];
		base64_group(b.data + i, b.len - i < 3 ? b.len - i : 3, group);
		enum err err = buf_append(out, bytes_from(group, 4));
		if (err != OK)
			return err;
	}
	return OK;
}

enum err base64_lines_write(struct bytes b, struct buf *out)
{
	enum err err = OK;
	for (size_t at = 0; at < b.len && err == OK; at += LINE_MAX / 4 * 3) {
		err = base64_write(bytes_first(bytes_skip(b, at), LINE_MAX / 4 * 3), out);
		if (err == OK)
			err = buf_append(out, BYTES("\r\n"));
	}
	return err;
}

/* ---- header values ---- */

bool header_name_is_valid(struct bytes name)
{
	if (name.len == 0 || name.len > FIELD_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == ':')
			return false;
	return true;
}

static bool is_control(uint8_t c)
{
	return c < ' ' || c == 0x7f;
}

/* Can the value stand as it is, folded at its spaces? */
static bool is_plain(struct bytes value)
{
	size_t word = 0;
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];
		if (is_control(c) || c >= 0x80)
			return false;
		if (c == '=' && i + 1 < value.len && value.data[i + 1] == '?')
			return false; /* it would be taken for an encoded word */
		word = c == ' ' ? 0 : word + 1;
		if (word > PLAIN_WORD_MAX)
			return false;
	}
	return value.len == 0 || (value.data[0] != ' ' && value.data[value.len - 1] != ' ');
}

/* The next word with the spaces before it. */
static struct bytes next_word(struct bytes rest)
{
	size_t len = 0;
	while (len < rest.len && rest.data[len] == ' ')
		len++;
	while (len < rest.len && rest.data[len] != ' ')
		len++;
	return bytes_first(rest, len);
}

/* Folds before a space, so that taking the CRLF out gives the value again (RFC 5322 2.2.3). */
static enum err write_plain(struct bytes value, size_t column, struct buf *out)
{
	enum err err = OK;
	bool is_first = true;
	while (value.len > 0 && err == OK) {
		struct bytes word = next_word(value);
		if (!is_first && column + word.len > LINE_MAX) {
			err = buf_append(out, BYTES("\r\n"));
			column = 0;
		}
		if (err == OK)
			err = buf_append(out, word);
		column += word.len;
		value = bytes_skip(value, word.len);
		is_first = false;
	}
	return err;
}

/* Bytes of the text's beginning that make an encoded word: whole characters. */
static size_t word_len(struct bytes text)
{
	if (text.len <= WORD_BYTES)
		return text.len;
	size_t len = WORD_BYTES;
	while (len > 1 && (text.data[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static enum err write_encoded_word(struct bytes text, struct buf *out)
{
	uint8_t clean[WORD_BYTES];
	for (size_t i = 0; i < text.len; i++)
		clean[i] = is_control(text.data[i]) ? ' ' : text.data[i];
	enum err err = buf_append(out, BYTES("=?UTF-8?B?"));
	if (err == OK)
		err = base64_write(bytes_from(clean, text.len), out);
	return err == OK ? buf_append(out, BYTES("?=")) : err;
}

/* Each word on a line of its own but the first; the breaks between encoded words are no spaces to readers. */
static enum err write_encoded(struct bytes value, size_t column, struct buf *out)
{
	enum err err = OK;
	if (column > COLUMN_MAX)
		err = buf_append(out, BYTES("\r\n "));
	for (bool is_next = false; value.len > 0 && err == OK; is_next = true) {
		size_t len = word_len(value);
		if (is_next)
			err = buf_append(out, BYTES("\r\n "));
		if (err == OK)
			err = write_encoded_word(bytes_first(value, len), out);
		value = bytes_skip(value, len);
	}
	return err;
}

static enum err write_value(struct bytes value, size_t column, struct buf *out)
{
	return is_plain(value) ? write_plain(value, column, out)
			       : write_encoded(value, column, out);
}

static enum err write_name(struct bytes name, struct buf *out)
{
	enum err err = buf_append(out, name);
	return err == OK ? buf_append(out, BYTES(": ")) : err;
}

enum err header_text_write(struct bytes name, struct bytes value, struct buf *out)
{
	enum err err = write_name(name, out);
	if (err == OK)
		err = write_value(value, name.len + 2, out);
	return err == OK ? buf_append(out, BYTES("\r\n")) : err;
}

static enum err write_quoted(struct bytes text, struct buf *out)
{
	enum err err = buf_append(out, BYTES("\""));
	for (size_t i = 0; i < text.len && err == OK; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			err = buf_append(out, BYTES("\\"));
		if (err == OK)
			err = buf_append(out, bytes_from(text.data + i, 1));
	}
	return err == OK ? buf_append(out, BYTES("\"")) : err;
}

static enum err write_display(struct bytes display, size_t column, struct buf *out)
{
	bool is_short = display.len <= LINE_MAX / 2;
	return is_plain(display) && is_short ? write_quoted(display, out)
					     : write_encoded(display, column, out);
}

enum err header_address_write(struct bytes name, struct bytes display, struct bytes address,
			      struct buf *out)
{
	enum err err = write_name(name, out);
	bool has_display = display.len > 0;
	if (err == OK && has_display)
		err = write_display(display, name.len + 2, out);
	if (err == OK && has_display)
		err = buf_append(out, BYTES("\r\n <"));
	if (err == OK && !has_display)
		err = buf_append(out, BYTES("<"));
	if (err == OK)
		err = buf_append(out, address);
	return err == OK ? buf_append(out, BYTES(">\r\n")) : err;
}

/* ---- parameters ---- */

static bool is_attribute_char(uint8_t c) /* RFC 2231 7 */
{
	return ascii_is_letter_or_digit(c) || (c != 0 && strchr("!#$&+-.^_`{|}~", c));
}

static enum err write_percent(struct bytes value, struct buf *out)
{
	enum err err = OK;
	for (size_t i = 0; i < value.len && err == OK; i++) {
		uint8_t c = is_control(value.data[i]) ? '_' : value.data[i];
		err = is_attribute_char(c) ? buf_append(out, bytes_from(&c, 1))
					   : buf_printf(out, "%%%02X", c);
	}
	return err;
}

/* In pieces (RFC 2231 3), since a long name may not stand on one line. */
static enum err write_extended(struct bytes name, struct bytes value, struct buf *out)
{
	enum err err = OK;
	for (unsigned number = 0; value.len > 0 && err == OK; number++) {
		struct bytes piece = bytes_first(value, LINE_MAX / 4);
		err = buf_printf(out, ";\r\n %.*s*%u*=%s", BYTES_ARGS(name), number,
				 number == 0 ? "UTF-8''" : "");
		if (err == OK)
			err = write_percent(piece, out);
		value = bytes_skip(value, piece.len);
	}
	return err;
}

enum err header_parameter_write(struct bytes name, struct bytes value, struct buf *out)
{
	if (!is_plain(value) || value.len > LINE_MAX / 2)
		return write_extended(name, value, out);
	enum err err = buf_printf(out, ";\r\n %.*s=", BYTES_ARGS(name));
	return err == OK ? write_quoted(value, out) : err;
}

/* ---- quoted-printable ---- */

struct quoted {
	struct buf *out;
	char line[LINE_MAX + 4];
	size_t len;
	enum err err;
};

static void end_line(struct quoted *q, const char *end)
{
	if (q->err == OK)
		q->err = buf_append(q->out, bytes_from(q->line, q->len));
	if (q->err == OK)
		q->err = buf_append_text(q->out, end);
	q->len = 0;
}

/* How long the line end at the front is; 0: there is none. */
static size_t line_end(struct bytes rest)
{
	if (rest.data[0] == '\n')
		return 1;
	if (rest.data[0] != '\r')
		return 0;
	return rest.len > 1 && rest.data[1] == '\n' ? 2 : 1;
}

/* A blank at the end of a line would be lost on the way. At its beginning a dot is best not there, and two hyphens might be taken for a
 * boundary. */
static bool stands_as_it_is(const struct quoted *q, struct bytes rest)
{
	uint8_t c = rest.data[0];
	if (c == ' ' || c == '\t')
		return rest.len > 1 && line_end(bytes_skip(rest, 1)) == 0;
	if (q->len == 0 && (c == '.' || (c == '-' && rest.len > 1 && rest.data[1] == '-')))
		return false;
	return c > ' ' && c < 0x7f && c != '=';
}

static void put(struct quoted *q, struct bytes rest)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t c = rest.data[0];
	if (q->len + (stands_as_it_is(q, rest) ? 1 : 3) > LINE_MAX - 1)
		end_line(q, "=\r\n");
	if (stands_as_it_is(q, rest)) {
		q->line[q->len++] = (char)c;
		return;
	}
	q->line[q->len++] = '=';
	q->line[q->len++] = digits[c >> 4];
	q->line[q->len++] = digits[c & 15];
}

enum err quoted_printable_write(struct bytes text, struct buf *out)
{
	struct quoted q = {.out = out};
	while (text.len > 0 && q.err == OK) {
		size_t end = line_end(text);
		if (end > 0)
			end_line(&q, "\r\n");
		else
			put(&q, text);
		text = bytes_skip(text, end > 0 ? end : 1);
	}
	if (q.len > 0)
		end_line(&q, "\r\n");
	return q.err;
}
