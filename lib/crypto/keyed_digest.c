/* OpenSSL under names of our own. */
#include "lib/crypto/keyed_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void keyed_digest(struct bytes key, struct bytes text, uint8_t out[KEYED_DIGEST_SIZE])
{
	unsigned len = 0;
	if (!HMAC(EVP_sha256(), key.data, (int)key.len, text.data, text.len, out, &len) ||
	    len != KEYED_DIGEST_SIZE)
		abort();
}

bool secret_is_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}
