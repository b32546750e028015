/* Paths and mailboxes (RFC 5321 4.1.2 and 4.1.3, RFC 6531 3.3), strictly. Each scan_x looks at the front of its bytes and tells how
 * many of them are an x, 0 when none: nothing is copied and nothing is allocated. E_TOO_BIG is past a length limit of RFC 5321
 * 4.5.3.1, E_MALFORMED is everything else. */
#include "lib/mail/address.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/mail/domain.h"

/* RFC 5322 3.2.3, and every byte of a longer UTF-8 sequence; whether those are well formed is checked at the end. */
static bool is_atext(uint8_t c)
{
	return ascii_is_letter_or_digit(c) || c >= 0x80 ||
	       (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static size_t scan_dot_string(struct bytes in)
{
	size_t at = 0;
	for (;;) {
		size_t start = at;
		while (at < in.len && is_atext(in.data[at]))
			at++;
		if (at == start)
			return 0;
		if (at == in.len || in.data[at] != '.')
			return at;
		at++;
	}
}

static size_t scan_quoted_string(struct bytes in)
{
	for (size_t at = 1; at < in.len; at++) {
		uint8_t c = in.data[at];
		if (c == '"')
			return at + 1;
		if (c == '\\') {
			if (++at == in.len || in.data[at] >= 0x7f)
				return 0;
			c = in.data[at];
		}
		if (c < ' ' || c == 0x7f)
			return 0;
	}
	return 0;
}

static size_t scan_local_part(struct bytes in)
{
	if (in.len == 0)
		return 0;
	return in.data[0] == '"' ? scan_quoted_string(in) : scan_dot_string(in);
}

/* A domain or an address literal; its labels are checked by domain_is_valid. */
static size_t scan_domain(struct bytes in)
{
	if (in.len > 0 && in.data[0] == '[') {
		ptrdiff_t end = bytes_find(in, ']');
		return end < 0 ? 0 : (size_t)end + 1;
	}
	size_t at = 0;
	while (at < in.len && (ascii_is_letter_or_digit(in.data[at]) || in.data[at] >= 0x80 ||
			       in.data[at] == '-' || in.data[at] == '_' || in.data[at] == '.'))
		at++;
	return at;
}

/* "@a,@b:" in front of a mailbox: to be accepted and ignored (RFC 5321 appendix C). False when there is one and it is broken. */
static bool skip_source_route(struct bytes *in)
{
	struct bytes rest = *in;
	if (rest.len == 0 || rest.data[0] != '@')
		return true;
	for (;;) {
		if (rest.len == 0 || rest.data[0] != '@')
			return false;
		rest = bytes_skip(rest, 1);
		size_t len = scan_domain(rest);
		if (len == 0 || !domain_is_valid(bytes_first(rest, len)))
			return false;
		rest = bytes_skip(rest, len);
		if (rest.len == 0 || (rest.data[0] != ',' && rest.data[0] != ':'))
			return false;
		bool is_last = rest.data[0] == ':';
		rest = bytes_skip(rest, 1);
		if (is_last)
			break;
	}
	*in = rest;
	return true;
}

/* U+0080..U+009F are controls, though RFC 6531 does not say so; they would reach terminals and logs. */
static bool has_c1_control(struct bytes b)
{
	for (size_t i = 0; i + 1 < b.len; i++)
		if (b.data[i] == 0xc2 && b.data[i + 1] < 0xa0)
			return true;
	return false;
}

static enum err check_mailbox(const struct address *address, bool allow_utf8)
{
	if (address->local.len > ADDRESS_LOCAL_MAX || address->domain.len > ADDRESS_DOMAIN_MAX)
		return E_TOO_BIG;
	if (!domain_is_valid(address->domain))
		return E_MALFORMED;
	if (!address->needs_smtputf8)
		return OK;
	if (!allow_utf8 || !bytes_is_utf8(address->text) || has_c1_control(address->text))
		return E_MALFORMED;
	return OK;
}

/* local@domain at the front of `in`. */
static enum err parse_mailbox(struct bytes in, bool allow_utf8, struct address *ret)
{
	size_t local_len = scan_local_part(in);
	if (local_len == 0 || local_len == in.len || in.data[local_len] != '@')
		return E_MALFORMED;
	struct bytes rest = bytes_skip(in, local_len + 1);
	size_t domain_len = scan_domain(rest);
	if (domain_len == 0)
		return E_MALFORMED;
	struct address address = {
		.text = bytes_first(in, local_len + 1 + domain_len),
		.local = bytes_first(in, local_len),
		.domain = bytes_first(rest, domain_len),
	};
	address.needs_smtputf8 = !bytes_is_ascii(address.text);
	enum err err = check_mailbox(&address, allow_utf8);
	if (err == OK)
		*ret = address;
	return err;
}

enum err address_parse_path(struct bytes in, bool allow_utf8, struct address *ret, size_t *ret_used)
{
	if (in.len < 2 || in.data[0] != '<')
		return E_MALFORMED;
	struct address address = {.is_null = true};
	struct bytes rest = bytes_skip(in, 1);
	if (bytes_starts_with_nocase(rest, "postmaster>")) {
		struct bytes name = bytes_first(rest, strlen("postmaster"));
		address = (struct address){.text = name, .local = name};
	} else if (rest.data[0] != '>') {
		if (!skip_source_route(&rest))
			return E_MALFORMED;
		enum err err = parse_mailbox(rest, allow_utf8, &address);
		if (err != OK)
			return err;
	}
	rest = bytes_skip(rest, address.text.len);
	if (rest.len == 0 || rest.data[0] != '>')
		return E_MALFORMED;
	*ret = address;
	*ret_used = in.len - rest.len + 1;
	return OK;
}

enum err address_parse(struct bytes in, bool allow_utf8, struct address *ret)
{
	if (in.len == 0) {
		*ret = (struct address){.is_null = true};
		return OK;
	}
	struct address address = {0};
	enum err err = parse_mailbox(in, allow_utf8, &address);
	if (err != OK)
		return err;
	if (address.text.len != in.len)
		return E_MALFORMED;
	*ret = address;
	return OK;
}

/* The local part's meaning: without quotes and backslashes, letters lower. Returns its length. */
static size_t unquote_local(struct bytes local, uint8_t out[ADDRESS_LOCAL_MAX])
{
	bool is_quoted = local.data[0] == '"';
	size_t len = 0;
	for (size_t i = is_quoted; i < local.len - is_quoted; i++) {
		if (is_quoted && local.data[i] == '\\')
			i++;
		uint8_t c = local.data[i];
		out[len++] = ascii_lower(c);
	}
	return len;
}

/* Never longer than the local part it came from: quotes are added only where they were, a backslash only where one was. */
static size_t quote_local(struct bytes local, char *out)
{
	size_t len = 0;
	bool is_plain = local.len > 0 && scan_dot_string(local) == local.len;
	if (is_plain) {
		memcpy(out, local.data, local.len);
		return local.len;
	}
	out[len++] = '"';
	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '"' || local.data[i] == '\\')
			out[len++] = '\\';
		out[len++] = (char)local.data[i];
	}
	out[len++] = '"';
	return len;
}

enum err address_canonical(const struct address *address, char out[ADDRESS_MAX + 1])
{
	if (address->is_null) {
		out[0] = '\0';
		return OK;
	}
	if (address->local.len == 0 || address->local.len > ADDRESS_LOCAL_MAX)
		return E_MALFORMED;
	char domain[ADDRESS_DOMAIN_MAX + 1];
	enum err err = domain_canonical(address->domain, domain);
	if (err != OK)
		return err;
	uint8_t plain[ADDRESS_LOCAL_MAX];
	size_t plain_len = unquote_local(address->local, plain);
	size_t len = quote_local(bytes_from(plain, plain_len), out);
	(void)snprintf(out + len, ADDRESS_MAX + 1 - len, "@%s", domain);
	return OK;
}
