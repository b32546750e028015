/* Cuts content into pieces. Ordinary lines are gathered into one piece; whatever must be inserted or replaced is a piece of
 * its own, taken from a literal. Cannot fail. */
#include "workers/smtp/body.h"

#include <string.h>

void body_init(struct body *body, enum body_form form, struct bytes head, struct bytes content)
{
	*body = (struct body){.form = form, .rest = head, .after = content};
}

static const uint8_t *find(struct bytes b, char c)
{
	return b.len > 0 ? memchr(b.data, c, b.len) : NULL;
}

/* The part of the rest that is looked at for one piece: never between CR and LF. */
static struct bytes window(const struct body *body)
{
	struct bytes window = bytes_first(body->rest, BODY_PIECE_MAX);
	if (window.len < body->rest.len && window.data[window.len - 1] == '\r')
		window.len--;
	return window;
}

/* Length of the line at the front of b with its CRLF; without one, up to a stray CR or LF, or the end. */
static size_t line_len(struct bytes b, bool *ret_is_whole)
{
	const uint8_t *lf = find(b, '\n');
	struct bytes line = bytes_first(b, lf ? (size_t)(lf - b.data) : b.len);
	const uint8_t *cr = find(line, '\r');
	*ret_is_whole = lf && cr == lf - 1;
	if (*ret_is_whole)
		return line.len + 1;
	return cr ? (size_t)(cr - b.data) : line.len;
}

/* How many bytes at the front of b can go as they are: until a dot must be doubled or a line end mended. */
static size_t plain_len(enum body_form form, struct bytes b)
{
	size_t len = 0;
	bool is_whole = true;
	if (form == BODY_BINARY)
		return b.len;
	while (is_whole && len < b.len && (form != BODY_DOTTED || len == 0 || b.data[len] != '.'))
		len += line_len(bytes_skip(b, len), &is_whole);
	return len;
}

static struct bytes last_piece(struct body *body)
{
	body->is_done = true;
	if (body->form == BODY_BINARY)
		return BYTES_NONE;
	if (body->form == BODY_LINES)
		return body->is_line_open ? BYTES("\r\n") : BYTES_NONE;
	return body->is_line_open ? BYTES("\r\n.\r\n") : BYTES(".\r\n");
}

static struct bytes next_piece(struct body *body)
{
	if (body->rest.len == 0) {
		body->rest = body->after;
		body->after = BYTES_NONE;
	}
	if (body->rest.len == 0)
		return last_piece(body);
	if (body->form == BODY_DOTTED && !body->is_line_open && body->rest.data[0] == '.')
		return BYTES("."); /* which opens the line, so that the next piece is plain */
	size_t len = plain_len(body->form, window(body));
	struct bytes piece = bytes_first(body->rest, len);
	if (len == 0) {
		piece = body->rest.data[0] == '\n' ? BYTES("\r\n") : BYTES(" ");
		len = 1;
	}
	body->rest = bytes_skip(body->rest, len);
	return piece;
}

struct bytes body_piece(struct body *body)
{
	if (body->piece.len == 0 && !body->is_done)
		body->piece = next_piece(body);
	return body->piece;
}

void body_take_piece(struct body *body)
{
	if (body->piece.len > 0)
		body->is_line_open = body->piece.data[body->piece.len - 1] != '\n';
	body->piece = BYTES_NONE;
}
