/* Keys of the tables. Names hold no NUL (decoding sees to it), so joined by NUL they stay apart. */
#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "schemas/schemas.h"

#define HASHED_MARK 0xff /* never in UTF-8, so that no joined key is a hashed one */

#define HELD_MARK   0x02 /* control characters are in no name */
#define DIGEST_MARK 0x01
#define DIGEST_MAX  64

static size_t hashed(struct bytes key, uint8_t out[SUPPRESSION_KEY_MAX])
{
	unsigned hash_len = 0;
	out[0] = HASHED_MARK;
	int rc = EVP_Digest(key.data, key.len, out + 1, &hash_len, EVP_sha256(), NULL);
	assert(rc == 1);
	return 1 + hash_len;
}

/* The digest's bytes behind a mark; false when it is an address. */
static bool digest_part(struct bytes address, uint8_t out[1 + DIGEST_MAX / 2])
{
	size_t prefix_len = strlen(SUPPRESSION_DIGEST_PREFIX);
	if (address.len != prefix_len + DIGEST_MAX ||
	    !bytes_starts_with_nocase(address, SUPPRESSION_DIGEST_PREFIX))
		return false;
	out[0] = DIGEST_MARK;
	for (size_t i = 0; i < DIGEST_MAX / 2; i++) {
		int high = bytes_hex_digit(address.data[prefix_len + 2 * i]);
		int low = bytes_hex_digit(address.data[prefix_len + 2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[1 + i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* A mark of 0 is none. */
static size_t joined_key(uint8_t mark, struct bytes tenant, struct bytes stream,
			 struct bytes address, uint8_t out[SUPPRESSION_KEY_MAX])
{
	uint8_t digest[1 + DIGEST_MAX / 2];
	struct bytes last =
		digest_part(address, digest) ? bytes_from(digest, sizeof digest) : address;
	const struct bytes parts[] = {bytes_from(&mark, mark ? 1 : 0),
				      tenant,
				      bytes_from("", 1),
				      stream,
				      bytes_from("", 1),
				      last};
	struct buf joined;
	buf_init(&joined, tenant.len + stream.len + last.len + 3);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		enum err err = buf_append(&joined, parts[i]);
		assert(err == OK);
	}
	struct bytes key = buf_bytes(&joined);
	size_t len = key.len;
	if (len <= SUPPRESSION_KEY_MAX)
		memcpy(out, key.data, len);
	else
		len = hashed(key, out);
	buf_done(&joined);
	return len;
}

size_t suppression_key(struct bytes tenant, struct bytes stream, struct bytes address,
		       uint8_t out[SUPPRESSION_KEY_MAX])
{
	return joined_key(0, tenant, stream, address, out);
}

size_t suppression_entry_key(const struct suppression *suppression,
			     uint8_t out[SUPPRESSION_KEY_MAX])
{
	return joined_key(suppression->is_held ? HELD_MARK : 0, suppression->tenant,
			  suppression->stream, suppression->address, out);
}

bool suppression_key_owner(struct bytes key, struct bytes *ret_tenant, struct bytes *ret_stream)
{
	if (key.len == 0 || key.data[0] == HASHED_MARK)
		return false;
	struct bytes names = key.data[0] == HELD_MARK ? bytes_skip(key, 1) : key;
	const uint8_t *first = names.len ? memchr(names.data, 0, names.len) : NULL;
	if (!first)
		return false;
	struct bytes tenant = bytes_first(names, (size_t)(first - names.data));
	struct bytes rest = bytes_skip(names, tenant.len + 1);
	const uint8_t *second = rest.len ? memchr(rest.data, 0, rest.len) : NULL;
	if (!second)
		return false;
	*ret_tenant = tenant;
	*ret_stream = bytes_first(rest, (size_t)(second - rest.data));
	return true;
}

/* A RESUME takes the place of the SUSPEND that it ends. */
static size_t suspension_key(const struct directive *directive, uint8_t out[SUPPRESSION_KEY_MAX])
{
	const struct bytes separator = bytes_from("", 1);
	const struct bytes parts[] = {directive->campaign, separator, directive->pool,	separator,
				      directive->site,	   separator, directive->source};
	struct buf joined;
	buf_init(&joined, directive->campaign.len + directive->pool.len + directive->site.len +
				  directive->source.len + 3);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		enum err err = buf_append(&joined, parts[i]);
		assert(err == OK);
	}
	size_t len = suppression_key(BYTES("1"), directive->tenant, buf_bytes(&joined), out);
	buf_done(&joined);
	return len;
}

size_t directive_key(const struct directive *directive, uint8_t out[SUPPRESSION_KEY_MAX])
{
	char kind[12];
	if (directive->kind == DIRECTIVE_SUSPEND || directive->kind == DIRECTIVE_RESUME)
		return suspension_key(directive, out);
	if (directive->kind == DIRECTIVE_LIMIT)
		return suppression_key(BYTES(DIRECTIVE_LIMIT_KEY), directive->site,
				       (struct bytes){0}, out);
	(void)snprintf(kind, sizeof kind, "%d", (int)directive->kind);
	return suppression_key(bytes_of(kind), directive->tenant, directive->campaign, out);
}
