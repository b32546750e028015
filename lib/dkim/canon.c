/* The body goes through in runs: as far as nothing must be changed or held back, bytes are copied at once. */
#include "lib/dkim/canon.h"

#include <string.h>

#include "lib/base/ascii.h"

/* ---- fields ---- */

static void put(const struct canon_sink *sink, struct bytes b)
{
	if (b.len > 0)
		sink->put(sink->owner, b);
}

static void put_lower(struct bytes name, const struct canon_sink *sink)
{
	uint8_t lower[64];
	while (name.len > 0) {
		size_t len = name.len < sizeof lower ? name.len : sizeof lower;
		for (size_t i = 0; i < len; i++)
			lower[i] = ascii_lower(name.data[i]);
		put(sink, bytes_from(lower, len));
		name = bytes_skip(name, len);
	}
}

/* Line ends inside it are always beside a blank, so that unfolding is one with joining blanks. */
static void put_words(struct bytes value, const struct canon_sink *sink)
{
	while (value.len > 0) {
		size_t len = 0;
		while (len < value.len && !ascii_is_white(value.data[len]))
			len++;
		put(sink, bytes_first(value, len));
		value = bytes_skip(value, len);
		if (value.len > 0)
			put(sink, BYTES(" "));
		while (value.len > 0 && ascii_is_white(value.data[0]))
			value = bytes_skip(value, 1);
	}
}

void canon_field(enum canon canon, struct bytes field, bool has_end, const struct canon_sink *sink)
{
	ptrdiff_t colon = bytes_find(field, ':');
	if (canon == CANON_SIMPLE || colon < 0) {
		bool ends = field.len >= 2 && field.data[field.len - 1] == '\n';
		put(sink, ends && !has_end ? bytes_first(field, field.len - 2) : field);
		return;
	}
	put_lower(bytes_strip(bytes_first(field, (size_t)colon)), sink);
	put(sink, BYTES(":"));
	put_words(bytes_strip(bytes_skip(field, (size_t)colon + 1)), sink);
	if (has_end)
		put(sink, BYTES("\r\n"));
}

/* ---- bodies: what goes out ---- */

static void flush(struct canon_body *body)
{
	put(&body->sink, bytes_from(body->piece, body->len));
	body->len = 0;
}

static void emit(struct canon_body *body, struct bytes b)
{
	if (b.len == 0)
		return;
	body->has_output = true;
	if (b.len > CANON_PIECE - body->len)
		flush(body);
	if (b.len >= CANON_PIECE) {
		put(&body->sink, b);
		return;
	}
	memcpy(body->piece + body->len, b.data, b.len);
	body->len += b.len;
}

/* Something follows: what was held back for it goes before it. */
static void release(struct canon_body *body)
{
	for (; body->empty_count > 0; body->empty_count--)
		emit(body, BYTES("\r\n"));
	if (body->has_space)
		emit(body, BYTES(" "));
	body->has_space = false;
}

static void take_plain(struct canon_body *body, struct bytes run)
{
	release(body);
	emit(body, run);
	body->is_line_open = true;
}

static void take_blank(struct canon_body *body, uint8_t c)
{
	if (body->canon == CANON_RELAXED)
		body->has_space = true;
	else
		take_plain(body, bytes_from(&c, 1));
}

static void take_line_end(struct canon_body *body)
{
	body->has_space = false;
	if (body->is_line_open)
		emit(body, BYTES("\r\n"));
	else
		body->empty_count++;
	body->is_line_open = false;
}

/* ---- bodies: what comes in ---- */

static const bool is_special[CANON_COUNT][256] = {
	[CANON_SIMPLE] = {['\r'] = true, ['\n'] = true},
	[CANON_RELAXED] = {['\r'] = true, ['\n'] = true, [' '] = true, ['\t'] = true},
};

#define BLOCK 16

/* Both look at BLOCK bytes and the one behind, and are written so that the compiler takes them all at once. */
static bool is_relaxed_block(const uint8_t *d)
{
	uint8_t is_special_byte = 0; /* a tab, a line end, or one of two spaces */
	for (size_t i = 0; i < BLOCK; i++)
		is_special_byte |= (uint8_t)((d[i] < ' ') | ((d[i] | d[i + 1]) == ' '));
	return !is_special_byte && d[BLOCK] >= ' ';
}

static bool is_simple_block(const uint8_t *d)
{
	uint8_t is_special_byte = 0;
	for (size_t i = 0; i < BLOCK; i++)
		is_special_byte |= (uint8_t)((d[i] == '\r') | (d[i] == '\n'));
	return !is_special_byte;
}

/* How much can be passed over in blocks, where a plain byte stands before; it ends behind one. */
static size_t blocks_len(enum canon canon, struct bytes b)
{
	bool is_relaxed = canon == CANON_RELAXED;
	size_t len = 0;
	while (b.len - len > BLOCK &&
	       (is_relaxed ? is_relaxed_block(b.data + len) : is_simple_block(b.data + len)))
		len += is_relaxed && b.data[len + BLOCK - 1] == ' ' ? BLOCK - 1 : BLOCK;
	return len;
}

/* The length at the front that goes out as it is: plain bytes, single spaces between them, and the ends of lines, where a plain byte
 * stands on both sides. Ends behind a plain byte. */
static size_t run_len(const struct canon_body *body, struct bytes b)
{
	const bool *special = is_special[body->canon];
	const uint8_t *d = b.data;
	size_t i = b.len > 0 && !special[d[0]] ? 1 : 0;
	bool is_line_new = true;
	for (;;) {
		if (i > 0 && is_line_new)
			i += blocks_len(body->canon, bytes_skip(b, i));
		is_line_new = false;
		while (i < b.len && !special[d[i]])
			i++;
		if (i == 0 || i + 1 >= b.len)
			return i;
		if (d[i] == ' ' && !special[d[i + 1]]) {
			i += 2;
		} else if (d[i] == '\r' && d[i + 1] == '\n' && i + 2 < b.len &&
			   !special[d[i + 2]]) {
			i += 3;
			is_line_new = true;
		} else {
			return i;
		}
	}
}

static void take_bare_cr(struct canon_body *body)
{
	if (body->is_binary)
		take_plain(body, BYTES("\r"));
	else
		take_blank(body, ' ');
}

static void take_special(struct canon_body *body, uint8_t c)
{
	bool ends_line = c == '\n' && (body->has_cr || !body->is_binary);
	if (body->has_cr && c != '\n')
		take_bare_cr(body);
	body->has_cr = c == '\r';
	if (ends_line)
		take_line_end(body);
	else if (c == '\n')
		take_plain(body, BYTES("\n"));
	else if (c != '\r')
		take_blank(body, c);
}

void canon_body_begin(struct canon_body *body, enum canon canon, const struct canon_sink *sink)
{
	body->canon = canon;
	body->is_binary = false;
	body->sink = *sink;
	body->empty_count = 0;
	body->is_line_open = body->has_space = body->has_cr = body->has_output = false;
	body->len = 0;
}

void canon_body_take_binary(struct canon_body *body)
{
	body->is_binary = true;
}

void canon_body_add(struct canon_body *body, struct bytes b)
{
	while (b.len > 0) {
		size_t len = run_len(body, b);
		if (len == 0) {
			take_special(body, b.data[0]);
			b = bytes_skip(b, 1);
			continue;
		}
		if (body->has_cr)
			take_bare_cr(body);
		body->has_cr = false;
		take_plain(body, bytes_first(b, len));
		b = bytes_skip(b, len);
	}
}

void canon_body_end(struct canon_body *body)
{
	if (body->has_cr)
		take_bare_cr(body);
	if (body->is_line_open)
		emit(body, BYTES("\r\n"));
	else if (body->canon == CANON_SIMPLE && !body->has_output)
		emit(body, BYTES("\r\n"));
	flush(body);
}
