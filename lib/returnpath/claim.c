/* See claim.h. */
#include "lib/returnpath/claim.h"

#include <assert.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/keyed_digest.h"

#define DAY_MS	    86400000
#define FORM	    2
#define FORM_BEFORE 1 /* without a campaign */
#define HEAD_SIZE   5
#define DIGEST_SIZE 16
#define RAW_MAX	    (CLAIM_LEN_MAX / 4 * 3)
#define TEXT_COUNT  5

static const char use_word[] = "leveret claim"; /* of no other use of the keys */

static void digest_of(struct bytes secret, struct bytes raw, uint8_t out[DIGEST_SIZE])
{
	uint8_t input[sizeof use_word + RAW_MAX], digest[KEYED_DIGEST_SIZE];
	assert(raw.len <= RAW_MAX);
	memcpy(input, use_word, sizeof use_word);
	memcpy(input + sizeof use_word, raw.data, raw.len);
	keyed_digest(secret, bytes_from(input, sizeof use_word + raw.len), digest);
	memcpy(out, digest, DIGEST_SIZE);
}

/* ---- base64url, without padding ---- */

static void write_text(const uint8_t *raw, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)raw[i] << 16;
		size_t left = len - i;
		bits |= left > 1 ? (uint32_t)raw[i + 1] << 8 : 0;
		bits |= left > 2 ? raw[i + 2] : 0;
		size_t count = left > 2 ? 4 : left + 1;
		for (size_t j = 0; j < count; j++)
			*out++ = digits[bits >> (18 - 6 * j) & 63];
	}
	*out = '\0';
}

static int digit_of(uint8_t c)
{
	if (c == '-' || c == '_')
		return c == '-' ? 62 : 63;
	return c == '+' || c == '/' ? -1 : base64_digit(c);
}

/* Only what write_text() writes: one text for one claim. */
static bool read_text(struct bytes text, uint8_t *out, size_t *ret_len)
{
	size_t len = 0;
	uint32_t bits = 0;
	unsigned count = 0;
	if (text.len > CLAIM_LEN_MAX || text.len % 4 == 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = digit_of(text.data[i]);
		if (digit < 0)
			return false;
		bits = (bits << 6 | (uint32_t)digit) & 0xffffff;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		out[len++] = (uint8_t)(bits >> count);
	}
	*ret_len = len;
	return (bits & ((1u << count) - 1)) == 0;
}

/* ---- making ---- */

static bool add_text(uint8_t *raw, size_t *len, struct bytes text)
{
	if (text.len > RAW_MAX - DIGEST_SIZE || *len + 2 + text.len > RAW_MAX - DIGEST_SIZE)
		return false;
	raw[(*len)++] = (uint8_t)(text.len >> 8);
	raw[(*len)++] = (uint8_t)text.len;
	if (text.len > 0)
		memcpy(raw + *len, text.data, text.len);
	*len += text.len;
	return true;
}

static enum err make(const struct return_keys *keys, enum claim_use use, const struct claim *claim,
		     struct bytes campaign, int64_t wall_ms, char out[CLAIM_SIZE])
{
	assert(keys->count > 0);
	uint64_t day = (uint64_t)(wall_ms / DAY_MS);
	const struct bytes texts[TEXT_COUNT] = {claim->message_id, claim->recipient, claim->tenant,
						claim->pool, campaign};
	uint8_t raw[RAW_MAX] = {FORM, (uint8_t)use, keys->items[0].id, (uint8_t)(day >> 8),
				(uint8_t)day};
	size_t len = HEAD_SIZE;
	for (size_t i = 0; i < TEXT_COUNT; i++)
		if (!add_text(raw, &len, texts[i]))
			return E_TOO_BIG;
	digest_of(keys->items[0].secret, bytes_from(raw, len), raw + len);
	write_text(raw, len + DIGEST_SIZE, out);
	return OK;
}

enum err claim_make(const struct return_keys *keys, enum claim_use use, const struct claim *claim,
		    int64_t wall_ms, char out[CLAIM_SIZE])
{
	enum err err = make(keys, use, claim, claim->campaign, wall_ms, out);
	return err == E_TOO_BIG ? make(keys, use, claim, BYTES_NONE, wall_ms, out) : err;
}

/* ---- checking ---- */

static bool take_text(struct bytes *rest, struct bytes *ret)
{
	if (rest->len < 2)
		return false;
	size_t len = (size_t)rest->data[0] << 8 | rest->data[1];
	if (len > rest->len - 2)
		return false;
	*ret = bytes_from(rest->data + 2, len);
	*rest = bytes_skip(*rest, 2 + len);
	return true;
}

static bool take_texts(struct bytes raw, uint8_t form, struct claim *ret)
{
	struct bytes *const texts[TEXT_COUNT] = {&ret->message_id, &ret->recipient, &ret->tenant,
						 &ret->pool, &ret->campaign};
	const size_t count = form == FORM_BEFORE ? TEXT_COUNT - 1 : TEXT_COUNT;
	for (size_t i = 0; i < count; i++)
		if (!take_text(&raw, texts[i]))
			return false;
	return raw.len == 0;
}

static enum err check_raw(const struct return_keys *keys, enum claim_use use, struct bytes raw)
{
	const struct return_key *key = return_keys_find(keys, raw.data[2]);
	uint8_t digest[DIGEST_SIZE];
	if ((raw.data[0] != FORM && raw.data[0] != FORM_BEFORE) || raw.data[1] != (uint8_t)use ||
	    !key)
		return E_REFUSED;
	digest_of(key->secret, bytes_first(raw, raw.len - DIGEST_SIZE), digest);
	return secret_is_equal(bytes_from(digest, DIGEST_SIZE),
			       bytes_skip(raw, raw.len - DIGEST_SIZE))
		       ? OK
		       : E_REFUSED;
}

enum err claim_check(const struct return_keys *keys, enum claim_use use, struct bytes text,
		     int64_t wall_ms, unsigned days_max, struct arena *arena, struct claim *ret)
{
	uint8_t raw[RAW_MAX];
	size_t len = 0;
	if (!read_text(text, raw, &len) || len < HEAD_SIZE + DIGEST_SIZE)
		return E_MALFORMED;
	enum err err = check_raw(keys, use, bytes_from(raw, len));
	if (err)
		return err;
	int64_t day = raw[3] << 8 | raw[4], today = wall_ms / DAY_MS;
	if (day > today + 1 || today - day > (int64_t)days_max)
		return E_TIMEOUT;
	struct claim claim = {.day_wall_ms = day * DAY_MS};
	struct bytes kept =
		arena_copy(arena, bytes_from(raw + HEAD_SIZE, len - HEAD_SIZE - DIGEST_SIZE));
	if (!take_texts(kept, raw[0], &claim))
		return E_MALFORMED;
	*ret = claim;
	return OK;
}
