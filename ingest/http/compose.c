/* The tree of parts, from the outside inward:
 *
 *   mixed [ related [ alternative [ text, html ], images ], attachments ]
 *
 * each level only where it holds more than one part. */
#include "ingest/http/compose.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/mail/encode.h"

#define SEGMENTS_MAX  (COMPOSE_HEADERS_MAX + 32)
#define BOUNDARY_SIZE (ID_SIZE + 2)

/* Literals are gathered until a segment of another kind comes. */
struct draft {
	const struct composition *composition;
	struct arena *arena;
	struct segment segments[SEGMENTS_MAX];
	size_t count;
	struct buf literal;
	enum err err;
};

static void note(struct draft *draft, enum err err)
{
	if (draft->err == OK)
		draft->err = err;
}

static void put(struct draft *draft, const char *text)
{
	note(draft, buf_append_text(&draft->literal, text));
}

static void add(struct draft *draft, struct segment segment)
{
	struct bytes literal = buf_bytes(&draft->literal);
	if (draft->count + 2 > SEGMENTS_MAX) {
		note(draft, E_FULL);
		return;
	}
	if (literal.len > 0)
		draft->segments[draft->count++] = (struct segment){
			.kind = SEGMENT_LITERAL, .text = arena_copy(draft->arena, literal)};
	buf_clear(&draft->literal);
	if (segment.kind != 0)
		draft->segments[draft->count++] = segment;
}

/* ---- bodies ---- */

/* "=_" cannot stand in quoted-printable nor in base 64, and nobody can guess the rest. */
static void new_boundary(int64_t wall_ms, char out[BOUNDARY_SIZE])
{
	out[0] = '=';
	out[1] = '_';
	id_new(wall_ms, out + 2);
}

static void open_multipart(struct draft *draft, const char *kind, const char *boundary)
{
	note(draft,
	     buf_printf(&draft->literal, "Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n\r\n",
			kind, boundary));
}

static void next_part(struct draft *draft, const char *boundary)
{
	note(draft, buf_printf(&draft->literal, "--%s\r\n", boundary));
}

static void close_multipart(struct draft *draft, const char *boundary)
{
	note(draft, buf_printf(&draft->literal, "--%s--\r\n", boundary));
}

static void put_text(struct draft *draft, bool is_html)
{
	const struct composition *c = draft->composition;
	note(draft, buf_printf(&draft->literal,
			       "Content-Type: text/%s; charset=utf-8\r\n"
			       "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
			       is_html ? "html" : "plain"));
	add(draft, (struct segment){.kind = is_html ? SEGMENT_HTML_BODY : SEGMENT_TEXT_BODY,
				    .text = is_html ? c->html : c->text});
}

static void put_alternative(struct draft *draft, int64_t wall_ms)
{
	const struct composition *c = draft->composition;
	char boundary[BOUNDARY_SIZE];
	if (!c->has_html || !c->has_text) {
		put_text(draft, c->has_html);
		return;
	}
	new_boundary(wall_ms, boundary);
	open_multipart(draft, "alternative", boundary);
	next_part(draft, boundary);
	put_text(draft, false);
	next_part(draft, boundary);
	put_text(draft, true);
	close_multipart(draft, boundary);
}

static void put_file(struct draft *draft, const struct attachment *file, bool is_inline)
{
	struct buf *out = &draft->literal;
	note(draft, buf_printf(out,
			       "Content-Type: %.*s\r\nContent-Transfer-Encoding: base64\r\n"
			       "Content-Disposition: %s",
			       BYTES_ARGS(file->type), is_inline ? "inline" : "attachment"));
	note(draft, header_parameter_write(BYTES("filename"), file->name, out));
	if (is_inline)
		note(draft, buf_printf(out, "\r\nContent-ID: <%.*s>", BYTES_ARGS(file->name)));
	put(draft, "\r\n\r\n");
	note(draft, base64_lines_write(file->data, out));
}

static void put_files(struct draft *draft, const char *boundary, const struct attachment *files,
		      size_t count, bool is_inline)
{
	for (size_t i = 0; i < count; i++) {
		next_part(draft, boundary);
		put_file(draft, &files[i], is_inline);
	}
	close_multipart(draft, boundary);
}

static void put_related(struct draft *draft, int64_t wall_ms)
{
	const struct composition *c = draft->composition;
	char boundary[BOUNDARY_SIZE];
	if (c->image_count == 0) {
		put_alternative(draft, wall_ms);
		return;
	}
	new_boundary(wall_ms, boundary);
	open_multipart(draft, "related", boundary);
	next_part(draft, boundary);
	put_alternative(draft, wall_ms);
	put_files(draft, boundary, c->images, c->image_count, true);
}

static void put_mixed(struct draft *draft, int64_t wall_ms)
{
	const struct composition *c = draft->composition;
	char boundary[BOUNDARY_SIZE];
	if (c->attachment_count == 0) {
		put_related(draft, wall_ms);
		return;
	}
	new_boundary(wall_ms, boundary);
	open_multipart(draft, "mixed", boundary);
	next_part(draft, boundary);
	put_related(draft, wall_ms);
	put_files(draft, boundary, c->attachments, c->attachment_count, false);
}

/* ---- the header ---- */

static struct bytes domain_of(struct bytes address)
{
	size_t at = address.len;
	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return bytes_skip(address, at);
}

static void put_header(struct draft *draft, int64_t wall_ms)
{
	const struct composition *c = draft->composition;
	char date[CLOCK_RFC5322_SIZE];
	clock_rfc5322(wall_ms, date);
	note(draft, buf_printf(&draft->literal, "Date: %s\r\n", date));
	add(draft, (struct segment){SEGMENT_MAILBOX, BYTES("From"), c->from.address, c->from.name});
	add(draft, (struct segment){.kind = SEGMENT_TO});
	if (c->reply_to.address.len > 0)
		add(draft, (struct segment){SEGMENT_MAILBOX, BYTES("Reply-To"), c->reply_to.address,
					    c->reply_to.name});
	add(draft,
	    (struct segment){.kind = SEGMENT_HEADER, .name = BYTES("Subject"), .text = c->subject});
	add(draft,
	    (struct segment){.kind = SEGMENT_MESSAGE_ID, .text = domain_of(c->from.address)});
	for (size_t i = 0; i < c->header_count; i++)
		add(draft, (struct segment){.kind = SEGMENT_HEADER,
					    .name = c->headers[i].name,
					    .text = c->headers[i].value});
	put(draft, "MIME-Version: 1.0\r\n");
}

enum err compose(struct arena *arena, const struct composition *composition, int64_t wall_ms,
		 struct buf *out)
{
	struct draft *draft = arena_zalloc(arena, 1, sizeof *draft);
	draft->composition = composition;
	draft->arena = arena;
	buf_init(&draft->literal, SCHEMA_CONTENT_MAX);
	put_header(draft, wall_ms);
	put_mixed(draft, wall_ms);
	add(draft, (struct segment){0});
	buf_done(&draft->literal);
	struct skeleton skeleton = {draft->segments, draft->count, composition->variables};
	return draft->err == OK ? skeleton_encode(&skeleton, out) : draft->err;
}
