/* Domains: their syntax, and one spelling for DNS, routing and look-ups. The only door to libidn2.
 *
 * Pure ASCII never goes through libidn2: its rules drop characters ("a_b" becomes "ab", another domain) and refuse names that
 * are in use. What does go through it is checked again as if it came from outside. */
#include "lib/mail/domain.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/mail/address.h"

#define LABEL_MAX     63
#define DNS_NAME_MAX  253 /* in text, without the final dot (RFC 1035 2.3.4) */
#define IPV6_TAG      "IPv6:"
#define LITERAL_BYTES (sizeof "[" IPV6_TAG "]" + INET6_ADDRSTRLEN)

static bool is_name_byte(uint8_t c)
{
	return ascii_is_letter_or_digit(c) || c == '_' || c >= 0x80;
}

static bool label_is_valid(struct bytes label)
{
	if (label.len == 0 || (label.len > LABEL_MAX && bytes_is_ascii(label)))
		return false;
	for (size_t i = 0; i < label.len; i++) {
		bool is_inside = i > 0 && i + 1 < label.len;
		if (!is_name_byte(label.data[i]) && !(is_inside && label.data[i] == '-'))
			return false;
	}
	return true;
}

static bool name_is_valid(struct bytes name)
{
	for (;;) {
		ptrdiff_t dot = bytes_find(name, '.');
		if (!label_is_valid(dot < 0 ? name : bytes_first(name, (size_t)dot)))
			return false;
		if (dot < 0)
			return true;
		name = bytes_skip(name, (size_t)dot + 1);
	}
}

/* Write "[...]" with the address in its shortest form. False when it is no address. */
static bool literal_canonical(struct bytes literal, char out[LITERAL_BYTES])
{
	if (literal.len < 2 || literal.data[literal.len - 1] != ']')
		return false;
	struct bytes inside = bytes_first(bytes_skip(literal, 1), literal.len - 2);
	bool is_ipv6 = bytes_starts_with_nocase(inside, IPV6_TAG);
	if (is_ipv6)
		inside = bytes_skip(inside, strlen(IPV6_TAG));
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address; /* large enough for both */
	int family = is_ipv6 ? AF_INET6 : AF_INET;
	if (!bytes_to_cstr(inside, text, sizeof text) || inet_pton(family, text, &address) != 1)
		return false;
	(void)inet_ntop(family, &address, text, sizeof text);
	(void)snprintf(out, LITERAL_BYTES, "[%s%s]", is_ipv6 ? IPV6_TAG : "", text);
	return true;
}

bool domain_is_valid(struct bytes domain)
{
	char literal[LITERAL_BYTES];
	if (domain.len > 0 && domain.data[0] == '[')
		return literal_canonical(domain, literal);
	return name_is_valid(domain);
}

/* Into A-labels (RFC 5891), mapped first as UTS 46 says, as browsers and mail clients do. */
static bool to_ascii(struct bytes domain, char out[ADDRESS_DOMAIN_MAX + 1])
{
	char text[ADDRESS_DOMAIN_MAX + 1];
	if (!bytes_is_utf8(domain) || !bytes_to_cstr(domain, text, sizeof text))
		return false;
	uint8_t *ascii = NULL;
	int rc = idn2_lookup_u8((const uint8_t *)text, &ascii,
				IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	bool is_converted = rc == IDN2_OK && bytes_to_cstr(bytes_of((const char *)ascii), out,
							   ADDRESS_DOMAIN_MAX + 1);
	idn2_free(ascii);
	return is_converted;
}

enum err domain_canonical(struct bytes domain, char out[ADDRESS_DOMAIN_MAX + 1])
{
	char text[ADDRESS_DOMAIN_MAX + 1];
	if (domain.len > 0 && domain.data[0] == '[')
		return literal_canonical(domain, out) ? OK : E_MALFORMED;
	if (domain.len > 0 && domain.data[domain.len - 1] == '.')
		domain.len--;
	if (!name_is_valid(domain))
		return E_MALFORMED;
	if (bytes_is_ascii(domain) ? !bytes_to_cstr(domain, text, sizeof text)
				   : !to_ascii(domain, text))
		return E_MALFORMED;
	struct bytes ascii = bytes_of(text);
	if (ascii.len > DNS_NAME_MAX || !bytes_is_ascii(ascii) || !name_is_valid(ascii))
		return E_MALFORMED;
	ascii_lower_text(text);
	memcpy(out, text, ascii.len + 1);
	return OK;
}
