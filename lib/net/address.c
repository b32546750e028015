/* Socket addresses as text and back, and the table of those that no host of the public internet has.
 * Pure: no socket, no name look-up; fails only by saying false. */
#include "lib/net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"

void net_address_ip_text(const struct net_address *address, char out[NET_ADDRESS_SIZE])
{
	const void *ip = &address->sa.v4.sin_addr;
	if (address->sa.any.sa_family == AF_INET6)
		ip = &address->sa.v6.sin6_addr;
	if (address->len == 0 || !inet_ntop(address->sa.any.sa_family, ip, out, NET_ADDRESS_SIZE))
		(void)snprintf(out, NET_ADDRESS_SIZE, "none");
}

void net_address_text(const struct net_address *address, char out[NET_ADDRESS_SIZE])
{
	char ip[INET6_ADDRSTRLEN + 10];
	_Static_assert(sizeof ip == NET_ADDRESS_SIZE, "an IPv6 address, brackets, colon and port");
	net_address_ip_text(address, ip);
	ip[INET6_ADDRSTRLEN - 1] = '\0'; /* it is shorter; this tells the compiler so */
	const char *format = address->sa.any.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u";
	(void)snprintf(out, NET_ADDRESS_SIZE, format, ip, (unsigned)net_address_port(address));
}

static bool parse_port(struct bytes text, uint16_t *ret)
{
	uint64_t port = 0;
	if (!bytes_to_u64(text, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool parse_ip(struct bytes text, uint16_t port, struct net_address *ret)
{
	char ip[INET6_ADDRSTRLEN];
	if (!bytes_to_cstr(text, ip, sizeof ip))
		return false;
	struct net_address address = {.len = 0};
	if (inet_pton(AF_INET, ip, &address.sa.v4.sin_addr) == 1) {
		address.sa.v4.sin_family = AF_INET;
		address.sa.v4.sin_port = htons(port);
		address.len = sizeof address.sa.v4;
	} else if (inet_pton(AF_INET6, ip, &address.sa.v6.sin6_addr) == 1) {
		address.sa.v6.sin6_family = AF_INET6;
		address.sa.v6.sin6_port = htons(port);
		address.len = sizeof address.sa.v6;
	} else {
		return false;
	}
	*ret = address;
	return true;
}

/* "[ip]" or "[ip]:port"; the brackets are for IPv6 only. */
static bool parse_bracketed(struct bytes text, uint16_t port, struct net_address *ret)
{
	ptrdiff_t end = bytes_find(text, ']');
	if (end < 0)
		return false;
	struct bytes ip = bytes_skip(bytes_first(text, (size_t)end), 1);
	struct bytes rest = bytes_skip(text, (size_t)end + 1);
	if (rest.len > 0 && (rest.data[0] != ':' || !parse_port(bytes_skip(rest, 1), &port)))
		return false;
	return bytes_find(ip, ':') >= 0 && parse_ip(ip, port, ret);
}

bool net_address_parse(const char *text, uint16_t default_port, struct net_address *ret)
{
	struct bytes all = bytes_of(text);
	if (all.len > 0 && all.data[0] == '[')
		return parse_bracketed(all, default_port, ret);
	ptrdiff_t colon = bytes_find(all, ':');
	bool has_port = colon >= 0 && bytes_find(bytes_skip(all, (size_t)colon + 1), ':') < 0;
	if (!has_port)
		return parse_ip(all, default_port, ret);
	uint16_t port = 0;
	return parse_port(bytes_skip(all, (size_t)colon + 1), &port) &&
	       parse_ip(bytes_first(all, (size_t)colon), port, ret);
}

uint16_t net_address_port(const struct net_address *address)
{
	if (address->len == 0)
		return 0;
	if (address->sa.any.sa_family == AF_INET6)
		return ntohs(address->sa.v6.sin6_port);
	return ntohs(address->sa.v4.sin_port);
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
	if (a->len == 0 || b->len == 0)
		return a->len == b->len;
	if (a->sa.any.sa_family != b->sa.any.sa_family ||
	    net_address_port(a) != net_address_port(b))
		return false;
	if (a->sa.any.sa_family == AF_INET6)
		return memcmp(&a->sa.v6.sin6_addr, &b->sa.v6.sin6_addr,
			      sizeof a->sa.v6.sin6_addr) == 0;
	return a->sa.v4.sin_addr.s_addr == b->sa.v4.sin_addr.s_addr;
}

/* ---- ranges that are not the public internet (IANA special-purpose registries) ---- */

struct v4_range {
	uint32_t network; /* host order */
	unsigned bits;
};

#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static const struct v4_range v4_special[] = {
	{V4(0, 0, 0, 0), 8},	   /* this network; 0.0.0.0 connects to ourselves */
	{V4(10, 0, 0, 0), 8},	   /* private */
	{V4(100, 64, 0, 0), 10},   /* shared, carrier NAT */
	{V4(127, 0, 0, 0), 8},	   /* loopback */
	{V4(169, 254, 0, 0), 16},  /* link-local */
	{V4(172, 16, 0, 0), 12},   /* private */
	{V4(192, 0, 0, 0), 24},	   /* protocol assignments */
	{V4(192, 0, 2, 0), 24},	   /* documentation */
	{V4(192, 88, 99, 0), 24},  /* 6to4 relays, withdrawn */
	{V4(192, 168, 0, 0), 16},  /* private */
	{V4(198, 18, 0, 0), 15},   /* benchmarks */
	{V4(198, 51, 100, 0), 24}, /* documentation */
	{V4(203, 0, 113, 0), 24},  /* documentation */
	{V4(224, 0, 0, 0), 4},	   /* multicast */
	{V4(240, 0, 0, 0), 4},	   /* reserved, broadcast */
};

struct v6_range {
	uint8_t network[16];
	unsigned bits;
};

static const struct v6_range v6_special[] = {
	{{0}, 128},				    /* unspecified */
	{{[15] = 1}, 128},			    /* loopback */
	{{0}, 96},				    /* v4-compatible, withdrawn */
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, /* NAT64 inside one network */
	{{0x01, 0x00}, 64},			    /* discard */
	{{0x20, 0x01, 0x00}, 23},		    /* protocol assignments, Teredo, benchmarks */
	{{0x20, 0x01, 0x0d, 0xb8}, 32},		    /* documentation */
	{{0x3f, 0xff, 0x00}, 20},		    /* documentation */
	{{0x5f, 0x00}, 16},			    /* segment routing */
	{{0xfc, 0x00}, 7},			    /* unique local */
	{{0xfe, 0x80}, 10},			    /* link-local */
	{{0xfe, 0xc0}, 10},			    /* site-local, withdrawn */
	{{0xff, 0x00}, 8},			    /* multicast */
};

/* IPv6 that carries an IPv4 destination: it is as special as what it carries. */
static const struct {
	struct v6_range range;
	unsigned v4_at; /* index of the first IPv4 byte */
} v6_carrying_v4[] = {
	{{{[10] = 0xff, [11] = 0xff}, 96}, 12}, /* v4-mapped */
	{{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},	/* NAT64 */
	{{{0x20, 0x02}, 16}, 2},		/* 6to4 */
};

static bool v4_is_special(uint32_t ip)
{
	for (size_t i = 0; i < sizeof v4_special / sizeof *v4_special; i++) {
		uint32_t mask = UINT32_MAX << (32 - v4_special[i].bits);
		if ((ip & mask) == v4_special[i].network)
			return true;
	}
	return false;
}

static bool v6_in(const uint8_t ip[16], const struct v6_range *range)
{
	unsigned whole = range->bits / 8, rest = range->bits % 8;
	if (memcmp(ip, range->network, whole) != 0)
		return false;
	return rest == 0 || ((ip[whole] ^ range->network[whole]) >> (8 - rest)) == 0;
}

static bool v6_is_special(const uint8_t ip[16])
{
	for (size_t i = 0; i < sizeof v6_special / sizeof *v6_special; i++) {
		if (v6_in(ip, &v6_special[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof v6_carrying_v4 / sizeof *v6_carrying_v4; i++) {
		const uint8_t *v4 = ip + v6_carrying_v4[i].v4_at;
		if (v6_in(ip, &v6_carrying_v4[i].range))
			return v4_is_special(V4(v4[0], v4[1], v4[2], v4[3]));
	}
	return false;
}

bool net_address_is_special(const struct net_address *address)
{
	if (address->len == 0)
		return true;
	if (address->sa.any.sa_family == AF_INET6)
		return v6_is_special(address->sa.v6.sin6_addr.s6_addr);
	return v4_is_special(ntohl(address->sa.v4.sin_addr.s_addr));
}

size_t net_address_network(const struct net_address *address, uint8_t out[NET_NETWORK_SIZE])
{
	bool is_v4 = address->sa.any.sa_family == AF_INET;
	const uint8_t *v6 = address->sa.v6.sin6_addr.s6_addr;
	bool is_mapped = !is_v4 && IN6_IS_ADDR_V4MAPPED(&address->sa.v6.sin6_addr);
	memset(out, 0, NET_NETWORK_SIZE);
	out[0] = is_v4 || is_mapped ? 4 : 6;
	if (is_v4)
		memcpy(out + 1, &address->sa.v4.sin_addr, 4);
	else if (is_mapped)
		memcpy(out + 1, v6 + 12, 4);
	else
		memcpy(out + 1, v6, 8);
	return out[0] == 4 ? 5 : NET_NETWORK_SIZE;
}
