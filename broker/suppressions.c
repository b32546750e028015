/* A look-up asks for the address, for its digest (imports may know no more), and, where it has a tag, for the address without it; each
 * from the narrowest owner to the widest. Fails closed: what cannot be read is no "not suppressed". */
#include "broker/suppressions.h"

#include <stdio.h>
#include <string.h>

#include "lib/crypto/digest.h"

bool suppression_is_in_force(const struct suppression *suppression, int64_t wall_ms)
{
	return !suppression->is_removed && !suppression->is_held &&
	       (suppression->expires_wall_ms == 0 || suppression->expires_wall_ms > wall_ms);
}

struct bytes suppression_slim(struct arena *arena, struct bytes value)
{
	struct suppression full;
	struct buf out;
	if (value.len == 0 || suppression_decode(arena, value, &full, NULL))
		return value;
	const struct suppression slim = {
		.address = full.address,
		.reason = full.reason,
		.created_wall_ms = full.created_wall_ms,
		.expires_wall_ms = full.expires_wall_ms,
		.is_removed = full.is_removed,
		.covers_tags = full.covers_tags,
		.is_held = full.is_held,
	};
	buf_init(&out, REPLICA_VALUE_MAX);
	struct bytes kept = value;
	if (suppression_encode(&slim, &out) == OK)
		kept = arena_copy(arena, buf_bytes(&out));
	buf_done(&out);
	return kept;
}

/* ---- forms of an address ---- */

/* "ann+news@x.example" -> "ann@x.example"; false when there is no tag. A quoted local part has none. */
static bool drop_tag(char *address)
{
	char *at = strrchr(address, '@');
	char *plus = strchr(address, '+');
	if (!at || !plus || plus > at || plus == address || address[0] == '"')
		return false;
	memmove(plus, at, strlen(at) + 1);
	return true;
}

static void digest_address(const char *canonical, char out[SUPPRESSION_ADDRESS_SIZE])
{
	struct digest digest = digest_of(bytes_of(canonical));
	memcpy(out, SUPPRESSION_DIGEST_PREFIX, strlen(SUPPRESSION_DIGEST_PREFIX));
	digest_hex(&digest, out + strlen(SUPPRESSION_DIGEST_PREFIX));
}

enum err suppression_address(struct bytes text, bool drops_tag, char out[SUPPRESSION_ADDRESS_SIZE])
{
	size_t prefix_len = strlen(SUPPRESSION_DIGEST_PREFIX);
	struct address parsed;
	struct digest digest;
	if (bytes_starts_with_nocase(text, SUPPRESSION_DIGEST_PREFIX)) {
		if (!digest_parse(bytes_skip(text, prefix_len), &digest))
			return E_MALFORMED;
		memcpy(out, SUPPRESSION_DIGEST_PREFIX, prefix_len);
		digest_hex(&digest, out + prefix_len);
		return OK;
	}
	if (address_parse(text, true, &parsed) || parsed.is_null || address_canonical(&parsed, out))
		return E_MALFORMED;
	if (drops_tag)
		(void)drop_tag(out);
	return OK;
}

size_t suppression_forms(const char *address, char out[FORM_COUNT][SUPPRESSION_ADDRESS_SIZE])
{
	(void)snprintf(out[FORM_WHOLE], SUPPRESSION_ADDRESS_SIZE, "%s", address);
	if (bytes_starts_with_nocase(bytes_of(address), SUPPRESSION_DIGEST_PREFIX))
		return FORM_WHOLE + 1;
	digest_address(address, out[FORM_DIGEST]);
	(void)snprintf(out[FORM_WITHOUT_TAG], SUPPRESSION_ADDRESS_SIZE, "%s", address);
	return drop_tag(out[FORM_WITHOUT_TAG]) ? FORM_WITHOUT_TAG + 1 : FORM_DIGEST + 1;
}

/* ---- looking up ---- */

struct question {
	struct replica *replica;
	const struct mail_owner *whose;
	int64_t wall_ms;
	struct arena *arena;
};

static enum err find_one(const struct question *question, const struct mail_owner *whose,
			 const char *address, struct suppression *ret)
{
	uint8_t key[SUPPRESSION_KEY_MAX], value[REPLICA_VALUE_MAX];
	size_t key_len = suppression_key(whose->tenant, whose->stream, bytes_of(address), key);
	size_t len;
	enum err err =
		replica_get(question->replica, bytes_from(key, key_len), value, sizeof value, &len);
	if (err)
		return err == E_NOT_FOUND ? E_NOT_FOUND : E_IO;
	struct suppression found;
	struct bytes encoded = arena_copy(question->arena, bytes_from(value, len));
	if (suppression_decode(question->arena, encoded, &found, NULL))
		return E_IO;
	if (!suppression_is_in_force(&found, question->wall_ms))
		return E_NOT_FOUND;
	*ret = found;
	return OK;
}

static enum err find(const struct question *question, const char *address, struct suppression *ret)
{
	static const struct mail_owner everybody = {{NULL, 0}, {NULL, 0}};
	const struct mail_owner tenant = {.tenant = question->whose->tenant};
	enum err err = E_NOT_FOUND;
	if (question->whose->stream.len > 0)
		err = find_one(question, question->whose, address, ret);
	if (err == E_NOT_FOUND && tenant.tenant.len > 0)
		err = find_one(question, &tenant, address, ret);
	return err == E_NOT_FOUND ? find_one(question, &everybody, address, ret) : err;
}

enum err suppressions_find(struct replica *replica, const struct mail_owner *whose,
			   struct bytes address, int64_t wall_ms, struct arena *arena,
			   struct suppression *ret)
{
	struct question question = {replica, whose, wall_ms, arena};
	char canonical[SUPPRESSION_ADDRESS_SIZE], hashed[SUPPRESSION_ADDRESS_SIZE];
	struct address parsed;
	if (address_parse(address, true, &parsed) || address_canonical(&parsed, canonical))
		return E_MALFORMED;
	enum err err = find(&question, canonical, ret);
	if (err != E_NOT_FOUND)
		return err;
	digest_address(canonical, hashed);
	err = find(&question, hashed, ret);
	if (err != E_NOT_FOUND || !drop_tag(canonical))
		return err;
	err = find(&question, canonical, ret);
	return err == OK && !ret->covers_tags ? E_NOT_FOUND : err;
}
