/* Public keys that verify what lib/crypto/signing_key.h signs: SHA-256 digests by RSA (PKCS #1 v1.5) and Ed25519 (RFC 8463 3). For one
 * thread at a time. */
#ifndef LEVERET_LIB_CRYPTO_VERIFYING_KEY_H
#define LEVERET_LIB_CRYPTO_VERIFYING_KEY_H

#include "lib/crypto/signing_key.h"

struct verifying_key;
/* `public`: of RSA a SubjectPublicKeyInfo or an RSAPublicKey in DER, both of which DNS has; of Ed25519 its 32 bytes. E_MALFORMED: no such
 * key; E_REFUSED: RSA of a length outside SIGNING_RSA_BITS_MIN and MAX (a long one costs much, a short one proves nothing). */
enum err verifying_key_read(enum signing_kind kind, struct bytes public,
			    struct verifying_key **ret) MUST_USE;
void verifying_key_free(struct verifying_key **key);
bool verifying_key_is_good(struct verifying_key *key, const struct digest *digest,
			   struct bytes signature);

#endif
