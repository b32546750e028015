/*   SOCKS5: methods --> [login -->] connect --> done      PROXY: the header --> done */
#include "workers/smtp/dial.h"

#include <assert.h>
#include <string.h>

#define SOCKS_VERSION  5
#define LOGIN_VERSION  1
#define METHOD_OPEN    0
#define METHOD_LOGIN   2
#define METHOD_REFUSED 0xff
#define COMMAND_OPEN   1
#define TYPE_V4	       1
#define TYPE_NAME      3
#define TYPE_V6	       4

static void put(struct buf *out, const void *data, size_t len)
{
	enum err err = buf_append(out, bytes_from(data, len));
	assert(!err); /* DIAL_OUTPUT_MAX holds the longest */
}

static void put_byte(struct buf *out, unsigned byte)
{
	uint8_t b = (uint8_t)byte;
	put(out, &b, 1);
}

static bool is_v6(const struct net_address *address)
{
	return address->sa.any.sa_family == AF_INET6;
}

static void put_ip(struct buf *out, const struct net_address *address)
{
	if (is_v6(address))
		put(out, &address->sa.v6.sin6_addr, 16);
	else
		put(out, &address->sa.v4.sin_addr, 4);
}

static void put_port(struct buf *out, const struct net_address *address)
{
	put_byte(out, net_address_port(address) >> 8);
	put_byte(out, net_address_port(address) & 0xff);
}

/* ---- the PROXY header ---- */

static enum dial_state put_header(const struct net_address *source,
				  const struct net_address *target, struct buf *out,
				  struct why *why)
{
	static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
	if (source->len == 0 || is_v6(source) != is_v6(target)) {
		(void)fail(
			why, E_REFUSED,
			"a source behind this proxy needs an address of the remote host's family");
		return DIAL_FAILED;
	}
	put(out, signature, sizeof signature - 1);
	put_byte(out, 0x21); /* version 2, PROXY */
	put_byte(out, is_v6(target) ? 0x21 : 0x11);
	put_byte(out, 0);
	put_byte(out, is_v6(target) ? 36 : 12);
	put_ip(out, source);
	put_ip(out, target);
	put_port(out, source);
	put_port(out, target);
	return DIAL_DONE;
}

/* ---- SOCKS5 ---- */

static enum dial_state refuse(struct why *why, const char *what, unsigned code)
{
	(void)fail(why, E_REFUSED, "the proxy %s (%u)", what, code);
	return DIAL_FAILED;
}

static const char *refusal_text(unsigned code)
{
	static const char *const texts[] = {
		[1] = "failed",
		[2] = "does not allow the connection",
		[3] = "cannot reach the network",
		[4] = "cannot reach the host",
		[5] = "was refused by the host",
		[6] = "gave up waiting for the host",
		[7] = "does not know the command",
		[8] = "does not know the kind of address",
	};
	return code > 0 && code < sizeof texts / sizeof texts[0] ? texts[code] : "failed";
}

static void put_connect(struct dial *dial, struct buf *out)
{
	const uint8_t head[] = {SOCKS_VERSION, COMMAND_OPEN, 0,
				is_v6(&dial->target) ? TYPE_V6 : TYPE_V4};
	dial->step = DIAL_CONNECT;
	put(out, head, sizeof head);
	put_ip(out, &dial->target);
	put_port(out, &dial->target);
}

static void put_login(struct dial *dial, struct buf *out)
{
	size_t user_len = strlen(dial->proxy->user), password_len = strlen(dial->proxy->password);
	dial->step = DIAL_LOGIN;
	put_byte(out, LOGIN_VERSION);
	put_byte(out, (unsigned)user_len);
	put(out, dial->proxy->user, user_len);
	put_byte(out, (unsigned)password_len);
	put(out, dial->proxy->password, password_len);
}

static enum dial_state on_method(struct dial *dial, unsigned method, struct buf *out,
				 struct why *why)
{
	if (method == METHOD_OPEN)
		put_connect(dial, out);
	else if (method == METHOD_LOGIN && dial->proxy->user[0])
		put_login(dial, out);
	else
		return refuse(why, method == METHOD_REFUSED ? "wants another login" : "is odd",
			      method);
	return DIAL_WAITS;
}

/* Length of the reply to CONNECT; 0: more is needed to know. */
static size_t connect_reply_len(struct bytes in)
{
	if (in.len < 5)
		return 0;
	switch (in.data[3]) {
	case TYPE_V4:
		return 4 + 4 + 2;
	case TYPE_V6:
		return 4 + 16 + 2;
	case TYPE_NAME:
		return 4 + 1 + (size_t)in.data[4] + 2;
	default:
		return SIZE_MAX;
	}
}

static enum dial_state on_connect(struct bytes in, size_t *ret_used, struct why *why)
{
	size_t len = connect_reply_len(in);
	if (in.len >= 2 && in.data[1] != 0)
		return refuse(why, refusal_text(in.data[1]), in.data[1]);
	if (len == SIZE_MAX)
		return refuse(why, "is odd", in.data[3]);
	if (len == 0 || in.len < len)
		return DIAL_WAITS;
	*ret_used = len;
	return DIAL_DONE;
}

static bool is_version_right(const struct dial *dial, uint8_t version)
{
	return version == (dial->step == DIAL_LOGIN ? LOGIN_VERSION : SOCKS_VERSION);
}

enum dial_state dial_received(struct dial *dial, struct bytes in, struct buf *out, size_t *ret_used,
			      struct why *why)
{
	*ret_used = 0;
	if (in.len > 0 && !is_version_right(dial, in.data[0]))
		return refuse(why, "does not speak SOCKS5", in.data[0]);
	if (dial->step == DIAL_CONNECT)
		return on_connect(in, ret_used, why);
	if (in.len < 2)
		return DIAL_WAITS;
	*ret_used = 2;
	if (dial->step == DIAL_METHOD)
		return on_method(dial, in.data[1], out, why);
	if (in.data[1] != 0)
		return refuse(why, "refused the login", in.data[1]);
	put_connect(dial, out);
	return DIAL_WAITS;
}

enum dial_state dial_start(struct dial *dial, const struct egress_proxy *proxy,
			   const struct net_address *source, const struct net_address *target,
			   struct buf *out, struct why *why)
{
	*dial = (struct dial){.proxy = proxy, .target = *target};
	if (proxy->kind == SOURCE_PROXY_V2)
		return put_header(source, target, out, why);
	put_byte(out, SOCKS_VERSION);
	put_byte(out, proxy->user[0] ? 2 : 1);
	put_byte(out, METHOD_OPEN);
	if (proxy->user[0])
		put_byte(out, METHOD_LOGIN);
	return DIAL_WAITS;
}
