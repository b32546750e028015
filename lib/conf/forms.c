/* Checks and parsers of host names, endpoints and networks. Own nothing; say no to what is not of the form. */
#include "lib/conf/forms.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define LABEL_MAX    63
#define HOSTNAME_MAX 253

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_ascii_alnum(char c)
{
	return isascii((unsigned char)c) && isalnum((unsigned char)c);
}

static bool is_label(const char *label, size_t len)
{
	if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_ascii_alnum(label[i]) && label[i] != '-')
			return false;
	return true;
}

bool form_is_hostname(const char *text)
{
	if (strlen(text) > HOSTNAME_MAX)
		return false;
	for (const char *label = text;;) {
		size_t len = strcspn(label, ".");
		if (!is_label(label, len))
			return false;
		if (label[len] == '\0')
			return true;
		label += len + 1;
	}
}

static bool is_port(const char *text)
{
	uint64_t port;
	return bytes_to_u64(bytes_of(text), UINT16_MAX, &port) && port > 0;
}

static bool is_host(const char *host, bool is_bracketed)
{
	struct in6_addr address;
	if (is_bracketed)
		return inet_pton(AF_INET6, host, &address) == 1;
	if (host[strspn(host, "0123456789.")] ==
	    '\0') /* digits and dots are an address or a mistake */
		return inet_pton(AF_INET, host, &address) == 1;
	return form_is_hostname(host);
}

bool form_is_endpoint(const char *text)
{
	char host[HOSTNAME_MAX + 1];
	bool is_bracketed = text[0] == '[';
	const char *start = text + is_bracketed;
	const char *end = is_bracketed ? strstr(start, "]:") : strchr(start, ':');
	if (!end || !bytes_to_cstr(bytes_from(start, (size_t)(end - start)), host, sizeof(host)))
		return false;
	return is_host(host, is_bracketed) && is_port(end + (is_bracketed ? 2 : 1));
}

bool form_is_entry_name(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len > LABEL_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_ascii_alnum(text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return true;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool has_bits_after(const struct conf_cidr *cidr, unsigned address_bits)
{
	for (unsigned bit = cidr->prefix_bits; bit < address_bits; bit++)
		if (cidr->address[bit / 8] & (0x80U >> bit % 8))
			return true;
	return false;
}

static void unmap(struct conf_cidr *cidr)
{
	if (cidr->family != AF_INET6 || cidr->prefix_bits < 96 ||
	    memcmp(cidr->address, v4_mapped, 12) != 0)
		return;
	cidr->family = AF_INET;
	cidr->prefix_bits -= 96;
	memmove(cidr->address, cidr->address + 12, 4);
	memset(cidr->address + 4, 0, 12);
}

bool form_parse_cidr(const char *text, struct conf_cidr *ret)
{
	struct conf_cidr cidr = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
	unsigned address_bits = cidr.family == AF_INET6 ? 128 : 32;
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	if (!bytes_to_cstr(bytes_from(text, len), address, sizeof(address)) ||
	    inet_pton(cidr.family, address, cidr.address) != 1)
		return false;
	uint64_t prefix = address_bits;
	if (text[len] == '/' && !bytes_to_u64(bytes_of(text + len + 1), address_bits, &prefix))
		return false;
	cidr.prefix_bits = (unsigned)prefix;
	if (has_bits_after(&cidr, address_bits))
		return false;
	unmap(&cidr);
	*ret = cidr;
	return true;
}

void form_write_cidr(const struct conf_cidr *cidr, char out[FORM_CIDR_SIZE])
{
	char address[INET6_ADDRSTRLEN];
	inet_ntop(cidr->family, cidr->address, address, sizeof(address));
	snprintf(out, FORM_CIDR_SIZE, "%s/%u", address, cidr->prefix_bits);
}

bool conf_cidr_contains(const struct conf_cidr *cidr, const struct sockaddr *address)
{
	const uint8_t *octets;
	int family = address->sa_family;
	if (family == AF_INET) {
		octets = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
	} else if (family == AF_INET6) {
		octets = ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr;
		if (memcmp(octets, v4_mapped, sizeof(v4_mapped)) == 0) {
			family = AF_INET;
			octets += sizeof(v4_mapped);
		}
	} else {
		return false;
	}
	return family == cidr->family && bits_equal(octets, cidr->address, cidr->prefix_bits);
}

bool conf_cidrs_contain(const struct conf_cidr_list *list, const struct sockaddr *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (conf_cidr_contains(&list->items[i], address))
			return true;
	return false;
}
