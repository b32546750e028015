/* Segment by segment: a template is expanded to a text, and the text written as its place asks for. */
#include "workers/delivery/rendering.h"

#include "lib/mail/encode.h"
#include "lib/template/template.h"

#define LINE_BYTES_MAX ((size_t)64 << 10) /* of a header field's value */

struct rendering {
	struct skeleton skeleton;
	struct template **templates; /* one for each segment; NULL: it has none */
	struct bytes id;	     /* for recipients without one of their own */
};

struct writing {
	const struct rendering *rendering;
	const struct recipient *recipient;
	struct template_values *values;
	struct buf *out;
	size_t growth_left;
};

/* ---- reading ---- */

bool rendering_is_needed(const struct delivery_request *mail)
{
	return mail->recipients[0].variables.len > 0;
}

static bool has_template(enum segment_kind kind)
{
	return kind == SEGMENT_HEADER || kind == SEGMENT_MAILBOX || kind == SEGMENT_TEXT_BODY ||
	       kind == SEGMENT_HTML_BODY;
}

enum err rendering_read(struct arena *arena, const struct delivery_request *mail,
			struct rendering **ret, struct why *why)
{
	struct rendering *rendering = arena_zalloc(arena, 1, sizeof *rendering);
	struct skeleton *skeleton = &rendering->skeleton;
	enum err err = skeleton_decode(arena, mail->content, skeleton, why);
	if (err != OK)
		return err;
	rendering->id = mail->id;
	rendering->templates =
		arena_zalloc(arena, skeleton->segment_count, sizeof(struct template *));
	for (size_t i = 0; i < skeleton->segment_count && err == OK; i++)
		if (has_template(skeleton->segments[i].kind))
			err = template_parse(arena, skeleton->segments[i].text,
					     &rendering->templates[i], why);
	if (err == OK)
		*ret = rendering;
	return err;
}

/* ---- writing ---- */

static enum err expand(struct writing *w, const struct segment *segment,
		       const struct template *template, enum template_form form, struct buf *out)
{
	buf_init(out, segment->text.len + w->growth_left);
	enum err err = template_expand(template, w->values, form, out);
	if (out->len > segment->text.len)
		w->growth_left -= out->len - segment->text.len;
	return err;
}

static enum err write_header(struct writing *w, const struct segment *segment,
			     const struct template *template)
{
	struct buf value;
	enum err err = expand(w, segment, template, TEMPLATE_LINE, &value);
	if (err == OK && value.len > LINE_BYTES_MAX)
		err = E_FULL;
	if (err == OK && segment->kind == SEGMENT_MAILBOX)
		err = header_address_write(segment->name, buf_bytes(&value), segment->address,
					   w->out);
	else if (err == OK)
		err = header_text_write(segment->name, buf_bytes(&value), w->out);
	buf_done(&value);
	return err;
}

static enum err write_body(struct writing *w, const struct segment *segment,
			   const struct template *template)
{
	struct buf text;
	bool is_html = segment->kind == SEGMENT_HTML_BODY;
	enum err err = expand(w, segment, template, is_html ? TEMPLATE_HTML : TEMPLATE_TEXT, &text);
	if (err == OK)
		err = quoted_printable_write(buf_bytes(&text), w->out);
	buf_done(&text);
	return err;
}

static enum err write_to(const struct writing *w)
{
	const struct recipient *to = w->recipient;
	return header_address_write(BYTES("To"), to->name,
				    to->shown_address.len > 0 ? to->shown_address : to->address,
				    w->out);
}

/* The same at every attempt, so that a mail that comes twice is known to be one. */
static enum err write_message_id(const struct writing *w, struct bytes domain)
{
	struct bytes id = w->recipient->id.len > 0 ? w->recipient->id : w->rendering->id;
	return buf_printf(w->out, "Message-ID: <%.*s@%.*s>\r\n", BYTES_ARGS(id),
			  BYTES_ARGS(domain));
}

static enum err write_segment(struct writing *w, size_t index)
{
	const struct segment *segment = &w->rendering->skeleton.segments[index];
	const struct template *template = w->rendering->templates[index];
	switch (segment->kind) {
	case SEGMENT_LITERAL:
		return buf_append(w->out, segment->text);
	case SEGMENT_HEADER:
	case SEGMENT_MAILBOX:
		return write_header(w, segment, template);
	case SEGMENT_TO:
		return write_to(w);
	case SEGMENT_MESSAGE_ID:
		return write_message_id(w, segment->text);
	case SEGMENT_TEXT_BODY:
	case SEGMENT_HTML_BODY:
		return write_body(w, segment, template);
	}
	return E_MALFORMED;
}

enum err rendering_write(const struct rendering *rendering, const struct recipient *recipient,
			 struct buf *out, struct why *why)
{
	struct writing w = {.rendering = rendering,
			    .recipient = recipient,
			    .out = out,
			    .growth_left = RENDERED_GROWTH_MAX};
	enum err err = template_values_read(recipient->variables, rendering->skeleton.variables,
					    &w.values, why);
	if (err != OK)
		return err;
	for (size_t i = 0; i < rendering->skeleton.segment_count && err == OK; i++)
		err = write_segment(&w, i);
	template_values_free(&w.values);
	return err == OK ? OK
			 : fail(why, err,
				"the template makes more of these variables than it may: "
				"%zu bytes beside its own, or %d steps",
				RENDERED_GROWTH_MAX, TEMPLATE_STEPS_MAX);
}
