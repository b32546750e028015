/* The digest is over a word that no other use of the key has, and all that is before it in the token. */
#include "lib/returnpath/token.h"

#include <assert.h>
#include <string.h>

#include "lib/crypto/keyed_digest.h"
#include "lib/returnpath/base32.h"

#define DAY_MS	      86400000
#define RAW_SIZE      35 /* bytes of a token */
#define DAY_AT	      1
#define ID_AT	      3
#define TAG_AT	      19
#define DIGEST_AT     25
#define DIGEST_SIZE   (RAW_SIZE - DIGEST_AT)
#define RECIPIENT_MAX 320

_Static_assert(RAW_SIZE * 8 == RETURN_TOKEN_LEN * 5, "a token has no bits to spare");
_Static_assert(DIGEST_SIZE >= 8, "at least 64 bits");

static void digest_of(struct bytes secret, const char *use, struct bytes text, uint8_t *out,
		      size_t size)
{
	uint8_t input[40 + RECIPIENT_MAX], digest[KEYED_DIGEST_SIZE];
	size_t use_len = strlen(use) + 1;
	assert(use_len + text.len <= sizeof input);
	memcpy(input, use, use_len);
	if (text.len > 0)
		memcpy(input + use_len, text.data, text.len);
	keyed_digest(secret, bytes_from(input, use_len + text.len), digest);
	memcpy(out, digest, size);
}

static void tag_of(const struct return_key *key, struct bytes recipient,
		   uint8_t out[RETURN_TAG_SIZE])
{
	digest_of(key->secret, "leveret return recipient", bytes_first(recipient, RECIPIENT_MAX),
		  out, RETURN_TAG_SIZE);
}

static void sign(const struct return_key *key, const uint8_t raw[RAW_SIZE],
		 uint8_t out[DIGEST_SIZE])
{
	digest_of(key->secret, "leveret return path", bytes_from(raw, DIGEST_AT), out, DIGEST_SIZE);
}

const struct return_key *return_keys_find(const struct return_keys *keys, uint8_t id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->items[i].id == id)
			return &keys->items[i];
	return NULL;
}

enum err return_token_make(const struct return_keys *keys, struct bytes message_id,
			   struct bytes recipient, int64_t wall_ms, char out[RETURN_TOKEN_SIZE])
{
	uint8_t raw[RAW_SIZE];
	assert(keys->count > 0 && keys->items[0].secret.len >= RETURN_KEY_MIN_BYTES);
	const struct return_key *key = &keys->items[0];
	uint64_t day = (uint64_t)(wall_ms / DAY_MS);
	raw[0] = key->id;
	raw[DAY_AT] = (uint8_t)(day >> 8);
	raw[DAY_AT + 1] = (uint8_t)day;
	if (!base32_read_id(message_id, raw + ID_AT))
		return E_MALFORMED;
	tag_of(key, recipient, raw + TAG_AT);
	sign(key, raw, raw + DIGEST_AT);
	base32_write(bytes_from(raw, RAW_SIZE), out);
	out[RETURN_TOKEN_LEN] = '\0';
	return OK;
}

static bool is_in_time(int64_t today, int64_t day, unsigned days_max)
{
	return day <= today + 1 && today - day <= (int64_t)days_max;
}

enum err return_token_check(const struct return_keys *keys, struct bytes text, int64_t wall_ms,
			    unsigned days_max, struct return_token *ret)
{
	uint8_t raw[RAW_SIZE], digest[DIGEST_SIZE];
	if (text.len != RETURN_TOKEN_LEN || !base32_read(text, raw))
		return E_MALFORMED;
	const struct return_key *key = return_keys_find(keys, raw[0]);
	if (!key)
		return E_REFUSED;
	sign(key, raw, digest);
	if (!secret_is_equal(bytes_from(digest, DIGEST_SIZE),
			     bytes_from(raw + DIGEST_AT, DIGEST_SIZE)))
		return E_REFUSED;
	int64_t day = raw[DAY_AT] << 8 | raw[DAY_AT + 1];
	if (!is_in_time(wall_ms / DAY_MS, day, days_max))
		return E_TIMEOUT;
	*ret = (struct return_token){.key_id = key->id, .day_wall_ms = day * DAY_MS};
	base32_write_id(raw + ID_AT, ret->message_id);
	memcpy(ret->tag, raw + TAG_AT, RETURN_TAG_SIZE);
	return OK;
}

bool return_token_is_for(const struct return_keys *keys, const struct return_token *token,
			 struct bytes recipient)
{
	uint8_t tag[RETURN_TAG_SIZE];
	const struct return_key *key = return_keys_find(keys, token->key_id);
	if (!key)
		return false;
	tag_of(key, recipient, tag);
	return secret_is_equal(bytes_from(tag, sizeof tag), bytes_from(token->tag, sizeof tag));
}
