/* Attributes one by one. */
#include "ingest/smtp/xclient.h"

#include <string.h>

#include "lib/mail/xtext.h"

#define VALUE_MAX 255
#define BAD(text) ((struct smtpd_reply){501, "5.5.4 " text})

static const char *const names[] = {"NAME", "ADDR",  "PORT",	 "PROTO",
				    "HELO", "LOGIN", "DESTADDR", "DESTPORT"};
enum { NAME_ADDR = 1, NAME_PORT = 2, NAME_COUNT = sizeof names / sizeof names[0] };

static size_t find_name(struct bytes name)
{
	for (size_t i = 0; i < NAME_COUNT; i++)
		if (bytes_is_nocase(name, names[i]))
			return i;
	return NAME_COUNT;
}

static bool is_unknown(struct bytes value)
{
	return bytes_is_nocase(value, "[UNAVAILABLE]") || bytes_is_nocase(value, "[TEMPUNAVAIL]");
}

/* "192.0.2.1" or "IPV6:2001:db8::1" */
static bool read_address(struct bytes value, struct smtpd_xclient *ret)
{
	char text[64];
	if (is_unknown(value))
		return true;
	if (bytes_starts_with_nocase(value, "IPV6:"))
		value = bytes_skip(value, strlen("IPV6:"));
	ret->has_address = bytes_to_cstr(value, text, sizeof text) && !strchr(text, '[') &&
			   net_address_parse(text, 25, &ret->address);
	return ret->has_address;
}

static bool read_port(struct bytes value)
{
	uint64_t port = 0;
	return is_unknown(value) || bytes_to_u64(value, 65535, &port);
}

struct smtpd_reply smtpd_xclient_parse(struct bytes arguments, struct smtpd_xclient *ret)
{
	bool is_seen[NAME_COUNT + 1] = {false};
	*ret = (struct smtpd_xclient){0};
	if (arguments.len == 0)
		return BAD("the syntax is XCLIENT attribute=value...");
	while (arguments.len > 0) {
		uint8_t decoded[VALUE_MAX];
		ptrdiff_t space = bytes_find(arguments, ' ');
		struct bytes word = space < 0 ? arguments : bytes_first(arguments, (size_t)space);
		ptrdiff_t equals = bytes_find(word, '=');
		arguments = bytes_trim(bytes_skip(arguments, word.len));
		size_t name =
			equals < 0 ? NAME_COUNT : find_name(bytes_first(word, (size_t)equals));
		struct bytes value = bytes_skip(word, (size_t)(equals < 0 ? 0 : equals) + 1);
		if (name == NAME_COUNT || is_seen[name])
			return BAD("an attribute that is not known, or told twice");
		if (value.len == 0 || value.len > VALUE_MAX || !xtext_is_valid(value))
			return BAD("a value that is no xtext");
		is_seen[name] = true;
		value = bytes_from(decoded, xtext_decode(value, decoded));
		if ((name == NAME_ADDR && !read_address(value, ret)) ||
		    (name == NAME_PORT && !read_port(value)))
			return BAD("not an address or a port");
	}
	return SMTPD_NO_OBJECTION;
}
