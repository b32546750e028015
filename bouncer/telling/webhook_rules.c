/* See webhook_rules.h. */
#include "bouncer/telling/webhook_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buf.h"
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
