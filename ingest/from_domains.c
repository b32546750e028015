/* Readers differ in what they make of a crooked From field, so nothing is guessed: outside of quoted strings and comments every "@" must be
 * followed by an allowed domain, and that by what ends an address. */
#include "ingest/from_domains.h"

#include <string.h>

#include "lib/base/ascii.h"
#include "lib/mail/header.h"
#include "lib/mail/mailbox.h"
#include "lib/routing/routing.h"

static bool is_end(uint8_t c)
{
	return c == '>' || c == ',' || c == ';';
}

/* Takes blanks and comments off the front; false: a comment without an end. */
static bool pass_blanks(struct bytes *rest)
{
	while (rest->len > 0 && (ascii_is_white(rest->data[0]) || rest->data[0] == '(')) {
		size_t len = rest->data[0] == '(' ? mailbox_hidden_len(*rest) : 1;
		if (len == 0)
			return false;
		*rest = bytes_skip(*rest, len);
	}
	return true;
}

bool domain_is_allowed(const struct conf_text_list *domains, struct bytes domain)
{
	char canonical[ADDRESS_DOMAIN_MAX + 1];
	if (domains->count == 0)
		return true;
	if (domain_canonical(domain, canonical) != OK)
		return false;
	for (size_t i = 0; i < domains->count; i++)
		if (routing_pattern_matches(domains->items[i], canonical))
			return true;
	return false;
}

static enum err refuse(const char *field, struct bytes domain, struct why *why)
{
	return fail(why, E_REFUSED, "%s: not one of your domains: %.*s", field,
		    (int)(domain.len < ADDRESS_DOMAIN_MAX ? domain.len : ADDRESS_DOMAIN_MAX),
		    (const char *)domain.data);
}

/* The domain behind an "@"; what follows it stays in *rest. */
static enum err check_domain(const struct conf_text_list *domains, const char *field,
			     struct bytes *rest, struct why *why)
{
	size_t len = mailbox_domain_len(*rest);
	struct bytes domain = bytes_first(*rest, len);
	*rest = bytes_skip(*rest, len);
	if (len == 0 || !pass_blanks(rest) || (rest->len > 0 && !is_end(rest->data[0])))
		return fail(why, E_REFUSED, "%s: not plainly an address", field);
	return domain_is_allowed(domains, domain) ? OK : refuse(field, domain, why);
}

static enum err check_field(const struct conf_text_list *domains, const char *field,
			    struct bytes value, struct why *why)
{
	bool has_address = false;
	enum err err = OK;
	while (value.len > 0 && err == OK) {
		uint8_t c = value.data[0];
		size_t len = c == '"' || c == '(' ? mailbox_hidden_len(value) : 1;
		if (len == 0 || c == '\\') /* which some take for an escape here */
			return fail(why, E_REFUSED, "%s: not plainly an address", field);
		value = bytes_skip(value, len);
		if (c == '@') {
			has_address = true;
			err = check_domain(domains, field, &value, why);
		}
	}
	if (err == OK && !has_address)
		return fail(why, E_REFUSED, "%s: no address", field);
	return err;
}

static enum err check_envelope(const struct conf_text_list *domains, struct bytes sender,
			       struct why *why)
{
	struct address address;
	if (address_parse(sender, true, &address) != OK)
		return fail(why, E_REFUSED, "the envelope sender is not an address");
	if (address.is_null || domain_is_allowed(domains, address.domain))
		return OK;
	return refuse("the envelope sender", address.domain, why);
}

/* A CR alone goes out as a space, so that what is no From field here could be one at its reader. */
static bool has_lone_cr(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] == '\r' && (i + 1 == b.len || b.data[i + 1] != '\n'))
			return true;
	return false;
}

static enum err check_header(const struct conf_text_list *domains, struct bytes header,
			     bool *ret_has_from, struct why *why)
{
	struct header_field field;
	enum err err = OK;
	while (err == OK && header_next(&header, &field)) {
		if (has_lone_cr(field.whole))
			return fail(why, E_REFUSED, "a CR stands alone in the header");
		if (bytes_is_nocase(field.name, "From")) {
			*ret_has_from = true;
			err = check_field(domains, "From", field.value, why);
		} else if (bytes_is_nocase(field.name, "Sender")) {
			err = check_field(domains, "Sender", field.value, why);
		}
	}
	if (err == OK && has_lone_cr(bytes_first(header, 2)))
		return fail(why, E_REFUSED, "a CR stands alone in the header");
	return err;
}

enum err sender_is_allowed(const struct conf_text_list *domains, struct bytes envelope_sender,
			   struct bytes header, struct why *why)
{
	bool has_from = false;
	if (domains->count == 0)
		return OK;
	enum err err = check_envelope(domains, envelope_sender, why);
	if (err == OK)
		err = check_header(domains, header, &has_from, why);
	if (err == OK && !has_from)
		return fail(why, E_REFUSED, "there is no From field");
	return err;
}

enum err mail_sender_is_allowed(const struct conf_text_list *domains, const struct mail *mail,
				struct why *why)
{
	if (domains->count == 0)
		return OK;
	struct arena *scratch = arena_new();
	struct bytes header = mail_header(mail, scratch);
	bool is_whole = header.len == blob_size(mail->content) || header_length(header, 0) > 0;
	enum err err = is_whole ? sender_is_allowed(domains, mail->sender, header, why)
				: fail(why, E_REFUSED, "the header is too long to be checked");
	arena_free(&scratch);
	return err;
}

static bool has_tags(struct bytes text)
{
	return text.len >= 2 && memmem(text.data, text.len, "{{", 2) != NULL;
}

enum err skeleton_sender_is_allowed(const struct conf_text_list *domains,
				    struct bytes envelope_sender, struct bytes content,
				    struct why *why)
{
	struct skeleton skeleton = {0};
	if (domains->count == 0)
		return OK;
	struct arena *scratch = arena_new();
	enum err err = skeleton_decode(scratch, content, &skeleton, why);
	if (err == OK)
		err = check_envelope(domains, envelope_sender, why);
	for (size_t i = 0; i < skeleton.segment_count && err == OK; i++) {
		const struct segment *segment = &skeleton.segments[i];
		bool is_sender = bytes_is_nocase(segment->name, "Sender");
		if (segment->kind == SEGMENT_MAILBOX && bytes_is_nocase(segment->name, "From"))
			err = check_field(domains, "From", segment->address, why);
		else if (segment->kind == SEGMENT_HEADER && is_sender && has_tags(segment->text))
			err = fail(why, E_REFUSED, "Sender: may hold no tags");
		else if (segment->kind == SEGMENT_HEADER && is_sender)
			err = check_field(domains, "Sender", segment->text, why);
	}
	arena_free(&scratch);
	return err;
}
