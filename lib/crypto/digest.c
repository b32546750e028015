/* OpenSSL under names of our own. */
#include "lib/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void digest_keyed(struct bytes key, struct bytes text, uint8_t out[DIGEST_SIZE])
{
	unsigned len = 0;
	if (!HMAC(EVP_sha256(), key.data, (int)key.len, text.data, text.len, out, &len) ||
	    len != DIGEST_SIZE)
		abort();
}

bool digest_is_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}
