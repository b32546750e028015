/* Keys of the tables. Names hold no NUL (decoding sees to it), so joined by NUL they stay apart. */
#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "schemas/schemas.h"

#define HASHED_MARK 0xff /* never in UTF-8, so that no joined key is a hashed one */

size_t suppression_key(struct bytes tenant, struct bytes stream, struct bytes address,
		       uint8_t out[SUPPRESSION_KEY_MAX])
{
	struct buf joined;
	buf_init(&joined, tenant.len + stream.len + address.len + 2);
	enum err err = buf_append(&joined, tenant);
	if (err == OK)
		err = buf_append(&joined, bytes_from("", 1));
	if (err == OK)
		err = buf_append(&joined, stream);
	if (err == OK)
		err = buf_append(&joined, bytes_from("", 1));
	if (err == OK)
		err = buf_append(&joined, address);
	assert(err == OK);
	struct bytes key = buf_bytes(&joined);
	size_t len = key.len;
	if (len <= SUPPRESSION_KEY_MAX) {
		memcpy(out, key.data, len);
	} else {
		unsigned hash_len = 0;
		out[0] = HASHED_MARK;
		int rc = EVP_Digest(key.data, key.len, out + 1, &hash_len, EVP_sha256(), NULL);
		assert(rc == 1);
		len = 1 + hash_len;
	}
	buf_done(&joined);
	return len;
}

size_t directive_key(const struct directive *directive, uint8_t out[SUPPRESSION_KEY_MAX])
{
	char kind[12];
	(void)snprintf(kind, sizeof kind, "%d", (int)directive->kind);
	return suppression_key(bytes_of(kind), directive->tenant, directive->campaign, out);
}
