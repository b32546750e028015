/* Version 1 is a line, version 2 begins with twelve bytes that no SMTP client says. */
#include "ingest/smtp/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#define LINE_MAX_V1 107
#define HEAD_V2	    16

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
				      '\n', 'Q',  'U',	'I',  'T', '\n'};

static struct bytes take_word(struct bytes *rest)
{
	ptrdiff_t space = bytes_find(*rest, ' ');
	struct bytes word = space < 0 ? *rest : bytes_first(*rest, (size_t)space);
	*rest = bytes_skip(*rest, word.len + 1);
	return word;
}

static void set_v4(const void *ip, uint16_t port, struct net_address *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->sa.v4.sin_family = AF_INET;
	ret->sa.v4.sin_port = htons(port);
	memcpy(&ret->sa.v4.sin_addr, ip, sizeof ret->sa.v4.sin_addr);
	ret->len = sizeof ret->sa.v4;
}

static void set_v6(const void *ip, uint16_t port, struct net_address *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->sa.v6.sin6_family = AF_INET6;
	ret->sa.v6.sin6_port = htons(port);
	memcpy(&ret->sa.v6.sin6_addr, ip, sizeof ret->sa.v6.sin6_addr);
	ret->len = sizeof ret->sa.v6;
}

static bool read_ip(struct bytes text, int family, void *ret)
{
	char ip[INET6_ADDRSTRLEN];
	return bytes_to_cstr(text, ip, sizeof ip) && inet_pton(family, ip, ret) == 1;
}

static enum proxy_verdict parse_line(struct bytes line, struct net_address *ret_client)
{
	uint8_t source[16], destination[16];
	uint64_t source_port = 0, destination_port = 0;
	(void)take_word(&line);
	struct bytes family = take_word(&line);
	if (bytes_is(family, "UNKNOWN"))
		return PROXY_SELF;
	bool is_v6 = bytes_is(family, "TCP6");
	if (!is_v6 && !bytes_is(family, "TCP4"))
		return PROXY_BAD;
	int kind = is_v6 ? AF_INET6 : AF_INET;
	if (!read_ip(take_word(&line), kind, source) ||
	    !read_ip(take_word(&line), kind, destination) ||
	    !bytes_to_u64(take_word(&line), 65535, &source_port) ||
	    !bytes_to_u64(take_word(&line), 65535, &destination_port) || line.len > 0)
		return PROXY_BAD;
	(is_v6 ? set_v6 : set_v4)(source, (uint16_t)source_port, ret_client);
	return PROXY_CLIENT;
}

static enum proxy_verdict parse_v1(struct bytes in, struct net_address *ret_client,
				   size_t *ret_used)
{
	static const char start[] = "PROXY ";
	struct bytes window = bytes_first(in, LINE_MAX_V1);
	size_t len = window.len < strlen(start) ? window.len : strlen(start);
	if (memcmp(window.data, start, len) != 0)
		return PROXY_BAD;
	ptrdiff_t lf = bytes_find(window, '\n');
	if (lf < 0)
		return window.len < LINE_MAX_V1 ? PROXY_MORE : PROXY_BAD;
	if (window.data[lf - 1] != '\r')
		return PROXY_BAD;
	*ret_used = (size_t)lf + 1;
	return parse_line(bytes_first(window, (size_t)lf - 1), ret_client);
}

static uint16_t u16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static enum proxy_verdict parse_v2(struct bytes in, struct net_address *ret_client,
				   size_t *ret_used)
{
	enum { LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };
	if (in.len < HEAD_V2)
		return PROXY_MORE;
	uint8_t command = in.data[12], family = in.data[13];
	size_t len = u16_at(in.data + 14);
	const uint8_t *body = in.data + HEAD_V2;
	if ((command != LOCAL && command != PROXY) || HEAD_V2 + len > PROXY_HEADER_MAX)
		return PROXY_BAD;
	if (in.len < HEAD_V2 + len)
		return PROXY_MORE;
	*ret_used = HEAD_V2 + len;
	if (command == LOCAL || family == 0)
		return PROXY_SELF;
	if (family == TCP4 && len >= 12) {
		set_v4(body, u16_at(body + 8), ret_client);
		return PROXY_CLIENT;
	}
	if (family == TCP6 && len >= 36) {
		set_v6(body, u16_at(body + 32), ret_client);
		return PROXY_CLIENT;
	}
	return PROXY_BAD;
}

enum proxy_verdict proxy_parse(struct bytes in, struct net_address *ret_client, size_t *ret_used)
{
	if (in.len == 0)
		return PROXY_MORE;
	size_t len = in.len < sizeof signature ? in.len : sizeof signature;
	if (memcmp(in.data, signature, len) != 0)
		return parse_v1(in, ret_client, ret_used);
	return len < sizeof signature ? PROXY_MORE : parse_v2(in, ret_client, ret_used);
}
