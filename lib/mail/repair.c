/* Part by part: what lies between the parts that are mended is copied. At the end the result is looked at: what is still at fault was
 * where nothing can be mended. */
#include "lib/mail/repair.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/mail/encode.h"
#include "lib/mail/header.h"
#include "lib/mime/mime.h"

struct repair {
	const struct mime *mime;
	struct bytes mail;
	unsigned kinds;
	size_t line_max;
	struct arena *arena;
	struct buf *out;
};

unsigned repair_kind(const char *word)
{
	if (strcmp(word, "long_lines") == 0)
		return REPAIR_LONG_LINES;
	return strcmp(word, "eight_bit") == 0 ? REPAIR_EIGHT_BIT : 0;
}

void repair_measure(struct repair_meter *meter, struct bytes span)
{
	while (span.len > 0) {
		ptrdiff_t lf = bytes_find(span, '\n');
		size_t len = lf < 0 ? span.len : (size_t)lf;
		meter->line_bytes +=
			len; /* with its CR: that counts once too much, taken off below */
		if (meter->line_bytes > meter->longest + 1)
			meter->longest = meter->line_bytes - 1;
		if (lf < 0)
			return;
		meter->line_bytes = 0;
		span = bytes_skip(span, len + 1);
	}
}

/* NUL, or CR or LF alone. */
static bool is_binary(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '\0' || c == '\n')
			return true;
		if (c == '\r' && (++i == text.len || text.data[i] != '\n'))
			return true;
	}
	return false;
}

bool repair_is_needed(struct bytes text, unsigned kinds, size_t line_max)
{
	struct repair_meter meter = {0};
	repair_measure(&meter, text);
	return (kinds & REPAIR_BINARY && is_binary(text)) ||
	       (kinds & REPAIR_LONG_LINES && meter.longest > line_max) ||
	       (kinds & REPAIR_EIGHT_BIT && !bytes_is_ascii(text));
}

static bool is_at_fault(const struct repair *r, struct bytes text)
{
	return repair_is_needed(text, r->kinds, r->line_max);
}

/* ---- one part ---- */

static bool is_sealed(const struct mime *mime, size_t index)
{
	for (;;) {
		const struct mime_part *part = &mime->parts[index];
		if (strcmp(part->type, "multipart/signed") == 0 ||
		    strcmp(part->type, "multipart/encrypted") == 0)
			return true;
		if (part->parent == index)
			return false;
		index = part->parent;
	}
}

/* The header of a mail: the whole one's, or that of one inside it. */
static bool is_of_mail(const struct mime *mime, size_t index)
{
	size_t parent = mime->parts[index].parent;
	return parent == index || mime_is_message(&mime->parts[parent]);
}

static enum err add_type(const struct repair *r, struct bytes content)
{
	if (bytes_is_ascii(content))
		return OK;
	return buf_printf(r->out, "Content-Type: text/plain; charset=%s\r\n",
			  bytes_is_utf8(content) ? "utf-8" : "unknown-8bit");
}

static enum err write_header(const struct repair *r, size_t index, struct bytes content,
			     const char *encoding)
{
	struct bytes rest = r->mime->parts[index].header, value;
	struct header_field field;
	enum err err = OK;
	bool has_version = mime_field(rest, "mime-version", &value);
	bool has_type = mime_field(rest, "content-type", &value);
	while (err == OK && header_next(&rest, &field))
		if (!bytes_is_nocase(field.name, "Content-Transfer-Encoding"))
			err = buf_append(r->out, field.whole);
	if (err == OK && !has_version && is_of_mail(r->mime, index))
		err = buf_append(r->out, BYTES("MIME-Version: 1.0\r\n"));
	if (err == OK && !has_type)
		err = add_type(r, content);
	if (err == OK)
		err = buf_printf(r->out, "Content-Transfer-Encoding: %s\r\n\r\n", encoding);
	return err;
}

static struct bytes decoded(const struct repair *r, const struct mime_part *part)
{
	struct mime_decoder decoder;
	if (part->encoding == MIME_PLAIN)
		return part->body;
	uint8_t *content = arena_alloc(r->arena, part->body.len + 2);
	mime_decoder_init(&decoder, part->encoding);
	return bytes_from(content, mime_decode(&decoder, part->body, content));
}

/* The line end before a boundary belongs to the boundary, and stands there already. */
static void drop_line_end(struct buf *out, struct bytes body)
{
	bool has_end = body.len > 0 && body.data[body.len - 1] == '\n';
	struct bytes written = buf_bytes(out);
	if (!has_end && written.len >= 2 && memcmp(written.data + written.len - 2, "\r\n", 2) == 0)
		out->len -= 2;
}

static enum err write_part(const struct repair *r, size_t index)
{
	const struct mime_part *part = &r->mime->parts[index];
	struct bytes content = decoded(r, part);
	bool is_text = strncmp(part->type, "text/", 5) == 0;
	/* Quoted-printable has one line end, and would make it of any other. */
	bool is_quoted = !is_binary(content) && (part->encoding == MIME_QUOTED ||
						 (part->encoding == MIME_PLAIN && is_text));
	enum err err = write_header(r, index, content, is_quoted ? "quoted-printable" : "base64");
	if (err == OK)
		err = is_quoted ? quoted_printable_write(content, r->out)
				: base64_lines_write(content, r->out);
	if (err == OK)
		drop_line_end(r->out, part->body);
	return err;
}

static bool is_to_mend(const struct repair *r, size_t index)
{
	const struct mime_part *part = &r->mime->parts[index];
	return !mime_is_multipart(part) && !mime_is_message(part) &&
	       part->header.len < MIME_HEADER_MAX && is_at_fault(r, part->body) &&
	       !is_sealed(r->mime, index);
}

/* ---- what holds it ---- */

static bool is_to_rename(const struct repair *r, size_t index)
{
	struct bytes value;
	return r->kinds & REPAIR_BINARY && !is_sealed(r->mime, index) &&
	       mime_field(r->mime->parts[index].header, "content-transfer-encoding", &value) &&
	       bytes_starts_with_nocase(value, "binary");
}

/* Nothing in it is binary any more. *ret_at: how far the mail is written. */
static enum err rename_encoding(const struct repair *r, size_t index, size_t *ret_at)
{
	struct bytes header = r->mime->parts[index].header, rest = header;
	struct header_field field;
	enum err err = OK;
	while (err == OK && header_next(&rest, &field))
		err = bytes_is_nocase(field.name, "Content-Transfer-Encoding")
			      ? buf_append(r->out, BYTES("Content-Transfer-Encoding: 8bit\r\n"))
			      : buf_append(r->out, field.whole);
	*ret_at = (size_t)(header.data - r->mail.data) + header.len - rest.len;
	return err;
}

/* ---- all of it ---- */

/* BDAT needs none, DATA does. */
static enum err end_last_line(struct buf *out)
{
	struct bytes written = buf_bytes(out);
	bool has_end = written.len >= 2 && memcmp(written.data + written.len - 2, "\r\n", 2) == 0;
	return has_end ? OK : buf_append(out, BYTES("\r\n"));
}

static enum err write_all(const struct repair *r)
{
	size_t at = 0;
	enum err err = OK;
	for (size_t i = 0; i < r->mime->count && err == OK; i++) {
		const struct mime_part *part = &r->mime->parts[i];
		bool is_mended = is_to_mend(r, i);
		if (!is_mended && !is_to_rename(r, i))
			continue;
		size_t start = (size_t)(part->header.data - r->mail.data);
		err = buf_append(r->out, bytes_from(r->mail.data + at, start - at));
		at = (size_t)(part->body.data - r->mail.data) + part->body.len;
		if (err == OK)
			err = is_mended ? write_part(r, i) : rename_encoding(r, i, &at);
	}
	if (err == OK)
		err = buf_append(r->out, bytes_skip(r->mail, at));
	return err == OK && r->kinds & REPAIR_BINARY ? end_last_line(r->out) : err;
}

enum err repair_write(struct bytes mail, unsigned kinds, size_t line_max, struct buf *out,
		      struct why *why)
{
	struct arena *arena = arena_new();
	struct mime mime;
	mime_read(arena, mail, &mime);
	const struct repair repair = {&mime, mail, kinds, line_max, arena, out};
	enum err err = mime.is_cut ? E_MALFORMED : write_all(&repair);
	if (mime.is_cut)
		err = fail(why, err, "its structure is too deep or too wide");
	else if (err != OK)
		err = fail(why, E_MALFORMED, "it would be too big");
	else if (is_at_fault(&repair, buf_bytes(out)))
		err = fail(why, E_MALFORMED,
			   "a long line, a byte over 127, or one that is no text, in a header or "
			   "in what is "
			   "signed");
	arena_free(&arena);
	return err;
}
