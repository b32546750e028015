/* See webhook_rules.h. */
#include "bouncer/telling/webhook_rules.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/conf/forms.h"
#include "lib/crypto/base64.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/keyed_digest.h"

#define KEY_PREFIX     "whsec_"
#define KEY_MIN	       24
#define BACKOFF_MIN_MS INT64_C(1000)
#define BACKOFF_MAX_MS INT64_C(300000)
#define ASKED_MAX_S    INT64_C(3600)
#define RETRY_MIN_MS   INT64_C(5000)
#define RETRY_MAX_MS   INT64_C(3600000)
#define JITTER	       0.2

/* ---- where it is ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Names whose last label begins with a digit are read as addresses by some: "127.1", "0x7f.1", "2130706433". */
static bool is_name(const char *host)
{
	const char *dot = strrchr(host, '.');
	return form_is_hostname(host) && !is_digit(dot ? dot[1] : host[0]);
}

static bool read_port(struct bytes text, struct webhook_target *target)
{
	uint64_t port = target->is_https ? 443 : 80;
	if (text.len > 0 &&
	    (text.data[0] != ':' || !bytes_to_u64(bytes_skip(text, 1), 65535, &port)))
		return false;
	target->port = (uint16_t)port;
	return port > 0;
}

static bool read_host(struct webhook_target *target)
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
static bool split_place(struct bytes place, struct webhook_target *target, struct bytes *ret_rest)
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

enum err webhook_target_parse(const char *url, struct webhook_target *ret, struct why *why)
{
	struct webhook_target target = {.is_https = strncmp(url, "https://", 8) == 0};
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

bool webhook_may_reach(const struct net_address *address, const struct conf_cidr_list *allowed)
{
	return !net_address_is_special(address) || conf_cidrs_contain(allowed, &address->sa.any);
}

/* ---- signing ---- */

enum err webhook_key_parse(const char *secret, struct webhook_key *ret, struct why *why)
{
	uint8_t bytes[150];
	size_t len = 0;
	struct bytes text = bytes_of(secret);
	if (strncmp(secret, KEY_PREFIX, strlen(KEY_PREFIX)) != 0)
		return fail(why, E_MALFORMED, "a secret begins with " KEY_PREFIX);
	text = bytes_skip(text, strlen(KEY_PREFIX));
	if (text.len / 4 * 3 > sizeof bytes || !base64_read(text, bytes, &len) || len < KEY_MIN ||
	    len > WEBHOOK_KEY_MAX)
		return fail(why, E_MALFORMED,
			    "behind " KEY_PREFIX " stand %d to %d bytes in base64", KEY_MIN,
			    WEBHOOK_KEY_MAX);
	memcpy(ret->bytes, bytes, len);
	ret->len = len;
	return OK;
}

void webhook_id(struct bytes body, char out[WEBHOOK_ID_SIZE])
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest = digest_of(body);
	digest_hex(&digest, hex);
	(void)snprintf(out, WEBHOOK_ID_SIZE, "msg_%.32s", hex);
}

void webhook_sign(const struct webhook_key *key, const char *id, int64_t timestamp_s,
		  struct bytes body, char out[WEBHOOK_SIGNATURE_SIZE])
{
	uint8_t digest[KEYED_DIGEST_SIZE];
	struct buf text;
	buf_init(&text, body.len + 128);
	enum err err = buf_printf(&text, "%s.%" PRId64 ".", id, timestamp_s);
	if (!err)
		err = buf_append(&text, body);
	(void)err; /* there is room */
	keyed_digest(bytes_from(key->bytes, key->len), buf_bytes(&text), digest);
	buf_done(&text);
	memcpy(out, "v1,", 3);
	(void)base64_text(bytes_from(digest, sizeof digest), out + 3);
}

/* ---- what follows ---- */

enum webhook_verdict webhook_judge(enum err err, long status)
{
	bool is_answered = status > 0 && (err == OK || err == E_TOO_BIG);
	if (is_answered && status >= 200 && status < 300)
		return WEBHOOK_TAKEN;
	if (is_answered && status == 410)
		return WEBHOOK_GONE;
	if (is_answered && (status == 400 || status == 413 || status == 422))
		return WEBHOOK_REFUSED;
	return WEBHOOK_AWAY;
}

static int64_t jittered(int64_t ms, double unit)
{
	return ms + (int64_t)((double)ms * JITTER * unit);
}

int64_t webhook_backoff_ms(unsigned failures, int64_t retry_after_s, double unit)
{
	int64_t ms = BACKOFF_MIN_MS;
	for (unsigned i = 1; i < failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	if (retry_after_s > ASKED_MAX_S)
		retry_after_s = ASKED_MAX_S;
	if (retry_after_s * 1000 > ms)
		ms = retry_after_s * 1000;
	return jittered(ms, unit);
}

int64_t webhook_retry_ms(int64_t age_ms, double unit)
{
	int64_t ms = age_ms < RETRY_MIN_MS ? RETRY_MIN_MS : age_ms;
	return jittered(ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms, unit);
}
