/* `content` of a transmission: every text that may become a header field is one line, every template is parsed before it is taken. */
#include "ingest/http/content_form.h"

#include <stddef.h>
#include <string.h>

#include "ingest/http/transmission.h"
#include "lib/mail/address.h"
#include "lib/mail/encode.h"
#include "lib/template/template.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- what is known, and not done ---- */

enum err content_refuse(const struct form *form, json_t *json, void *to,
			const struct form_place *place)
{
	(void)json;
	(void)to;
	return form_fail(form, place, E_REFUSED, "not supported");
}

/* A switch that may only be off. */
enum err content_refuse_true(const struct form *form, json_t *json, void *to,
			     const struct form_place *place)
{
	return json_is_false(json) ? OK : content_refuse(form, json, to, place);
}

enum err content_pass_over(const struct form *form, json_t *json, void *to,
			   const struct form_place *place)
{
	(void)form;
	(void)json;
	(void)to;
	(void)place;
	return OK;
}

/* ---- templates ---- */

static enum err check_template(const struct form *form, struct bytes text,
			       const struct form_place *place)
{
	struct template *template = NULL;
	struct why why = {""};
	enum err err = template_parse(form->arena, text, &template, &why);
	return err == OK ? OK : form_fail(form, place, err, why.text);
}

static enum err read_line_template(const struct form *form, json_t *json, void *to,
				   const struct form_place *place)
{
	enum err err = form_line(form, json, to, place);
	if (err == OK && ((struct bytes *)to)->len > 2000)
		return form_fail(form, place, E_MALFORMED, "too long");
	return err == OK ? check_template(form, *(struct bytes *)to, place) : err;
}

static enum err read_body(const struct form *form, json_t *json, void *to,
			  const struct form_place *place)
{
	enum err err = form_lines(form, json, to, place);
	return err == OK ? check_template(form, *(struct bytes *)to, place) : err;
}

static enum err read_text(const struct form *form, json_t *json, void *to,
			  const struct form_place *place)
{
	struct composition *composition = to;
	composition->has_text = true;
	return read_body(form, json, &composition->text, place);
}

static enum err read_html(const struct form *form, json_t *json, void *to,
			  const struct form_place *place)
{
	struct composition *composition = to;
	composition->has_html = true;
	return read_body(form, json, &composition->html, place);
}

/* What the JSON text of an object may not hold on its way: DEL and C1 controls. They become spaces. */
static void scrub(uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool is_c1 = text[i] == 0xc2 && i + 1 < len && text[i + 1] < 0xa0;
		if (is_c1)
			text[i + 1] = ' ';
		if (is_c1 || text[i] == 0x7f)
			text[i] = ' ';
	}
}

enum err content_variables(const struct form *form, json_t *json, void *to,
			   const struct form_place *place)
{
	if (!json_is_object(json))
		return form_fail(form, place, E_MALFORMED, "not an object");
	size_t len = json_dumpb(json, NULL, 0, JSON_COMPACT);
	if (len > SCHEMA_VARIABLES_MAX)
		return form_fail(form, place, E_TOO_BIG, "too long");
	uint8_t *text = arena_alloc(form->arena, len);
	(void)json_dumpb(json, (char *)text, len, JSON_COMPACT);
	scrub(text, len);
	*(struct bytes *)to = bytes_from(text, len);
	return OK;
}

/* ---- addresses ---- */

/* "Ada <ada@x.example>", or the address alone. */
void content_split_mailbox(struct bytes text, struct bytes *ret_name, struct bytes *ret_address)
{
	ptrdiff_t open = -1;
	*ret_name = BYTES_NONE;
	*ret_address = text = bytes_trim(text);
	if (text.len < 3 || text.data[text.len - 1] != '>')
		return;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '<')
			open = (ptrdiff_t)i;
	if (open < 0)
		return;
	*ret_address = bytes_from(text.data + open + 1, text.len - (size_t)open - 2);
	struct bytes name = bytes_trim(bytes_first(text, (size_t)open));
	if (name.len >= 2 && name.data[0] == '"' && name.data[name.len - 1] == '"')
		name = bytes_from(name.data + 1, name.len - 2);
	*ret_name = name;
}

/* What may stand in a header field as it is: ASCII, its domain as DNS has it. */
enum err content_check_shown(const struct form *form, struct bytes *address,
			     const struct form_place *place)
{
	struct address parsed;
	char domain[ADDRESS_DOMAIN_MAX + 1];
	enum err err = address_parse(*address, true, &parsed);
	if (err == OK && (parsed.is_null || parsed.domain.len == 0 ||
			  domain_canonical(parsed.domain, domain) != OK))
		err = E_MALFORMED;
	if (err == OK && !bytes_is_ascii(parsed.local))
		return form_fail(form, place, E_REFUSED,
				 "an address with a local part that is not ASCII cannot be shown");
	if (err != OK)
		return form_fail(form, place, E_REFUSED, "not an address");
	if (!bytes_is_ascii(parsed.domain))
		*address = bytes_of(
			arena_printf(form->arena, "%.*s@%s", BYTES_ARGS(parsed.local), domain));
	return OK;
}

static enum err read_mailbox(const struct form *form, json_t *json, void *to,
			     const struct form_place *place)
{
	static const struct form_row rows[] = {
		{"email", form_line, offsetof(struct mailbox_parts, address)},
		{"name", read_line_template, offsetof(struct mailbox_parts, name)},
	};
	struct mailbox_parts *mailbox = to;
	struct bytes text = BYTES_NONE;
	enum err err = OK;
	if (json_is_object(json)) {
		err = form_object(form, json, rows, COUNT(rows), mailbox, place);
	} else {
		err = form_line(form, json, &text, place);
		content_split_mailbox(text, &mailbox->name, &mailbox->address);
		if (err == OK)
			err = check_template(form, mailbox->name, place);
	}
	return err == OK ? content_check_shown(form, &mailbox->address, place) : err;
}

/* ---- headers and files ---- */

/* We write these ourselves, or nobody should. */
static bool is_ours(struct bytes name)
{
	static const char *const names[] = {"from",	   "to",	  "bcc",	"subject",
					    "reply-to",	   "date",	  "message-id", "received",
					    "return-path", "mime-version"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (bytes_is_nocase(name, names[i]))
			return true;
	return bytes_starts_with_nocase(name, "content-") ||
	       bytes_starts_with_nocase(name, "resent-");
}

static enum err read_header(const struct form *form, json_t *json, struct pair *to,
			    const struct form_place *place)
{
	if (!header_name_is_valid(to->name))
		return form_fail(form, place, E_MALFORMED, "not the name of a header field");
	if (is_ours(to->name))
		return form_fail(form, place, E_REFUSED, "cannot be set here");
	return read_line_template(form, json, &to->value, place);
}

static enum err read_headers(const struct form *form, json_t *json, void *to,
			     const struct form_place *parent)
{
	struct composition *composition = to;
	return form_pairs(form, json, COMPOSE_HEADERS_MAX, read_header, &composition->headers,
			  &composition->header_count, parent);
}

/* type/subtype, with parameters of a plain form. */
static enum err read_type(const struct form *form, json_t *json, void *to,
			  const struct form_place *place)
{
	enum err err = form_line(form, json, to, place);
	struct bytes type = *(struct bytes *)to;
	if (err != OK)
		return err;
	if (type.len > 200 || !bytes_is_ascii(type) || bytes_find(type, '/') <= 0)
		return form_fail(form, place, E_MALFORMED, "not a media type");
	if (bytes_starts_with_nocase(type, "multipart/") ||
	    bytes_starts_with_nocase(type, "message/"))
		return form_fail(form, place, E_REFUSED, "cannot be attached");
	return OK;
}

static enum err read_file(const struct form *form, json_t *json, void *to,
			  const struct form_place *place)
{
	static const struct form_row rows[] = {
		{"name", form_name, offsetof(struct attachment, name)},
		{"type", read_type, offsetof(struct attachment, type)},
		{"data", form_base64, offsetof(struct attachment, data)},
	};
	const struct attachment *file = to;
	enum err err = form_object(form, json, rows, COUNT(rows), to, place);
	if (err == OK && (file->name.len == 0 || file->type.len == 0))
		err = form_fail(form, place, E_MALFORMED, "must have name, type and data");
	return err;
}

static enum err read_attachments(const struct form *form, json_t *json, void *to,
				 const struct form_place *place)
{
	struct composition *composition = to;
	void *items = NULL;
	enum err err = form_list(form, json, COMPOSE_ATTACHMENTS_MAX, sizeof(struct attachment),
				 read_file, &items, &composition->attachment_count, place);
	composition->attachments = items;
	return err;
}

/* The name becomes a Content-ID: printable, and nothing that ends it. */
static enum err read_images(const struct form *form, json_t *json, void *to,
			    const struct form_place *place)
{
	struct composition *composition = to;
	void *items = NULL;
	enum err err = form_list(form, json, COMPOSE_ATTACHMENTS_MAX, sizeof(struct attachment),
				 read_file, &items, &composition->image_count, place);
	composition->images = items;
	for (size_t i = 0; err == OK && i < composition->image_count; i++) {
		struct form_place here = *place;
		struct bytes name = composition->images[i].name;
		here.index = (ptrdiff_t)i;
		if (!bytes_is_ascii(name) || bytes_find(name, '<') >= 0 ||
		    bytes_find(name, '>') >= 0 || bytes_find(name, ' ') >= 0)
			err = form_fail(form, &here, E_MALFORMED, "name: not a content id");
	}
	return err;
}

/* ---- content ---- */

#define PART(member) offsetof(struct composition, member)

enum err content_read(const struct form *form, json_t *json, void *to,
		      const struct form_place *place)
{
	static const struct form_row rows[] = {
		{"from", read_mailbox, PART(from)},
		{"reply_to", read_mailbox, PART(reply_to)},
		{"subject", read_line_template, PART(subject)},
		{"text", read_text, 0},
		{"html", read_html, 0},
		{"headers", read_headers, 0},
		{"attachments", read_attachments, 0},
		{"inline_images", read_images, 0},
		{"amp_html", content_refuse, 0},
		{"template_id", content_refuse, 0},
		{"ab_test_id", content_refuse, 0},
		{"use_draft_template", content_pass_over, 0},
	};
	static const struct form_row whole[] = {
		{"email_rfc822", form_text, offsetof(struct posting, content)},
	};
	struct transmission *transmission = to;
	if (json_object_get(json, "email_rfc822"))
		return form_object(form, json, whole, COUNT(whole), &transmission->posting, place);
	struct composition *c = &transmission->composition;
	enum err err = form_object(form, json, rows, COUNT(rows), c, place);
	if (err == OK && c->from.address.len == 0)
		err = form_missing(form, place, "from");
	if (err == OK && !c->has_text && !c->has_html)
		err = form_fail(form, place, E_MALFORMED, "neither text nor html is there");
	return err;
}
