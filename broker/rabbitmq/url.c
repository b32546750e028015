/* See url.h. Never shows the password in a failure's text. */
#include "broker/rabbitmq/url.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/bytes.h"

/* Percent-decodes into out; false when malformed, too long, or holding a NUL. */
static bool decode_part(struct bytes in, char out[URL_PART_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '%') {
			if (in.len - i < 3)
				return false;
			int high = bytes_hex_digit(in.data[i + 1]),
			    low = bytes_hex_digit(in.data[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (uint8_t)(high * 16 + low);
			i += 2;
		}
		if (c == '\0' || len == URL_PART_MAX - 1)
			return false;
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return true;
}

/* Gives what stands before the first `c` and moves `rest` behind it; all of rest when there is
 * none. */
static struct bytes cut(struct bytes *rest, uint8_t c)
{
	ptrdiff_t at = bytes_find(*rest, c);
	struct bytes before = at < 0 ? *rest : bytes_first(*rest, (size_t)at);
	*rest = at < 0 ? BYTES_NONE : bytes_skip(*rest, (size_t)at + 1);
	return before;
}

static enum err parse_port(struct bytes text, uint16_t *ret, struct why *why)
{
	uint64_t port;
	if (!bytes_to_u64(text, 65535, &port) || port == 0)
		return fail(why, E_MALFORMED, "bad port \"%.*s\"", BYTES_ARGS(text));
	*ret = (uint16_t)port;
	return OK;
}

static enum err parse_host(struct bytes text, uint16_t default_port, struct url_host *ret,
			   struct why *why)
{
	struct bytes name, rest = text;
	if (text.len > 0 && text.data[0] == '[') {
		rest = bytes_skip(rest, 1);
		name = cut(&rest, ']');
		if (rest.len > 0 && rest.data[0] != ':')
			return fail(why, E_MALFORMED, "bad host \"%.*s\"", BYTES_ARGS(text));
		rest = bytes_skip(rest, 1);
	} else {
		name = cut(&rest, ':');
	}
	if (name.len == 0)
		name = BYTES("localhost");
	if (!decode_part(name, ret->name))
		return fail(why, E_MALFORMED, "bad host \"%.*s\"", BYTES_ARGS(text));
	ret->port = default_port;
	return rest.len > 0 ? parse_port(rest, &ret->port, why) : OK;
}

static enum err parse_user(struct bytes text, struct url *url, struct why *why)
{
	struct bytes password = text;
	struct bytes user = cut(&password, ':');
	if (!decode_part(user, url->user) || !decode_part(password, url->password))
		return fail(why, E_MALFORMED, "bad user or password in the url");
	return OK;
}

static enum err parse_hosts(struct bytes text, struct url *url, struct why *why)
{
	uint16_t default_port = url->is_tls ? 5671 : 5672;
	do {
		if (url->host_count == URL_HOSTS_MAX)
			return fail(why, E_MALFORMED, "more than %d hosts", URL_HOSTS_MAX);
		enum err err = parse_host(cut(&text, ','), default_port,
					  &url->hosts[url->host_count], why);
		if (err)
			return err;
		url->host_count++;
	} while (text.len > 0);
	return OK;
}

enum err url_parse(const char *text, struct url *ret, struct why *why)
{
	struct url url = {.user = "guest", .password = "guest", .vhost = "/"};
	struct bytes rest = bytes_of(text);
	if (bytes_starts_with_nocase(rest, "amqp://")) {
		rest = bytes_skip(rest, strlen("amqp://"));
	} else if (bytes_starts_with_nocase(rest, "amqps://")) {
		rest = bytes_skip(rest, strlen("amqps://"));
		url.is_tls = true;
	} else {
		return fail(why, E_MALFORMED, "the url must start with amqp:// or amqps://");
	}

	struct bytes path = rest;
	struct bytes authority = cut(&path, '/');
	enum err err;
	const uint8_t *at = authority.len > 0 ? memrchr(authority.data, '@', authority.len) : NULL;
	if (at) { /* the last one: some passwords hold others, though they should not */
		size_t user_len = (size_t)(at - authority.data);
		err = parse_user(bytes_first(authority, user_len), &url, why);
		if (err)
			return err;
		authority = bytes_skip(authority, user_len + 1);
	}
	err = parse_hosts(authority, &url, why);
	if (err)
		return err;
	if (bytes_find(path, '?') >= 0)
		return fail(why, E_MALFORMED, "the url takes no query: use the settings");
	if (path.len > 0 && !decode_part(path, url.vhost))
		return fail(why, E_MALFORMED, "bad virtual host in the url");
	*ret = url;
	return OK;
}
