/* See url_target.h. */
#include "lib/net/url_target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/bytes.h"
#include "lib/conf/forms.h"

/* Names whose last label begins with a digit are read as addresses by some: "127.1", "0x7f.1", "2130706433". */
static bool is_name(const char *host)
{
	const char *dot = strrchr(host, '.');
	return form_is_hostname(host) && !ascii_is_digit(dot ? dot[1] : host[0]);
}

static bool read_port(struct bytes text, struct url_target *target)
{
	uint64_t port = target->is_https ? 443 : 80;
	if (text.len > 0 &&
	    (text.data[0] != ':' || !bytes_to_u64(bytes_skip(text, 1), 65535, &port)))
		return false;
	target->port = (uint16_t)port;
	return port > 0;
}

static bool read_host(struct url_target *target)
{
	char text[sizeof target->host + 16];
	struct in6_addr v6;
	bool is_v6 = strchr(target->host, ':') != NULL;
	(void)snprintf(text, sizeof text, is_v6 ? "[%s]:%u" : "%s:%u", target->host,
		       (unsigned)target->port);
	if (is_v6 && inet_pton(AF_INET6, target->host, &v6) != 1)
		return false;
	target->is_address = is_v6 || !is_name(target->host);
	return !target->is_address || net_address_parse(text, 0, &target->address);
}

/* "[v6]", a v4 address or a name, and what stands behind it. */
static bool split_place(struct bytes place, struct url_target *target, struct bytes *ret_rest)
{
	bool has_bracket = place.len > 0 && place.data[0] == '[';
	ptrdiff_t end = bytes_find(place, has_bracket ? ']' : ':');
	if (end < 0)
		end = has_bracket ? 0 : (ptrdiff_t)place.len;
	struct bytes host = bytes_skip(bytes_first(place, (size_t)end), has_bracket);
	*ret_rest = bytes_skip(place, (size_t)end + has_bracket);
	return bytes_to_cstr(host, target->host, sizeof target->host) && target->host[0] &&
	       has_bracket == (strchr(target->host, ':') != NULL);
}

enum err url_target_parse(const char *url, struct url_target *ret, struct why *why)
{
	struct url_target target = {.is_https = strncmp(url, "https://", 8) == 0};
	if (!target.is_https && strncmp(url, "http://", 7) != 0)
		return fail(why, E_MALFORMED, "expected https://HOST/... or http://HOST/...");
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at >= 0x7f || *at == '\\' || *at == '#')
			return fail(why, E_MALFORMED, "has a character that no URL has here");
	const char *start = url + (target.is_https ? 8 : 7);
	struct bytes place = bytes_from(start, strcspn(start, "/?")), rest;
	if (!split_place(place, &target, &rest) || !read_port(rest, &target) || !read_host(&target))
		return fail(
			why, E_MALFORMED,
			"expected a host name or an address, and a port or none, without a user");
	*ret = target;
	return OK;
}

bool url_may_reach(const struct net_address *address, const struct conf_cidr_list *allowed)
{
	return !net_address_is_special(address) || conf_cidrs_contain(allowed, &address->sa.any);
}
