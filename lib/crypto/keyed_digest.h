/* Keyed digests, and comparing what must not be guessed byte by byte. Pure. */
#ifndef LEVERET_LIB_CRYPTO_KEYED_DIGEST_H
#define LEVERET_LIB_CRYPTO_KEYED_DIGEST_H

#include "lib/base/bytes.h"

#define KEYED_DIGEST_SIZE 32

void keyed_digest(struct bytes key, struct bytes text,
		  uint8_t out[KEYED_DIGEST_SIZE]);    /* HMAC-SHA-256 */
bool secret_is_equal(struct bytes a, struct bytes b); /* its time tells only the lengths */

#endif
