/* Private keys that sign SHA-256 digests: RSA (PKCS #1 v1.5) and Ed25519, whose message is the digest (RFC 8463 3). One key may sign on
 * several threads at once. What is secret in it is never printed and is wiped when it goes. */
#ifndef LEVERET_LIB_CRYPTO_SIGNING_KEY_H
#define LEVERET_LIB_CRYPTO_SIGNING_KEY_H

#include "lib/base/buf.h"
#include "lib/crypto/digest.h"

#define SIGNING_RSA_BITS_MIN	 1024 /* RFC 8301 3.2 */
#define SIGNING_RSA_BITS_DEFAULT 2048
#define SIGNING_RSA_BITS_MAX	 4096 /* longer ones fit no UDP answer, and few verify them */
#define SIGNATURE_MAX		 (SIGNING_RSA_BITS_MAX / 8)
#define SIGNING_PUBLIC_MAX	 1024 /* bytes of a public key */
#define SIGNING_PEM_MAX		 16384

enum signing_kind { SIGNING_RSA, SIGNING_ED25519 };

struct signing_key;
/* PEM: PKCS #8, or PKCS #1 for RSA; without a passphrase. E_MALFORMED: no such key; E_REFUSED: RSA of a length outside the above. */
enum err signing_key_read(struct bytes pem, struct signing_key **ret, struct why *why) MUST_USE;
struct signing_key *signing_key_generate(enum signing_kind kind, unsigned rsa_bits);
void signing_key_free(struct signing_key **key);

enum signing_kind signing_key_kind(const struct signing_key *key);
unsigned signing_key_bits(const struct signing_key *key);
/* What a verifier needs: SubjectPublicKeyInfo in DER of an RSA key, the 32 bytes themselves of an Ed25519 key. */
size_t signing_key_public(const struct signing_key *key, uint8_t out[SIGNING_PUBLIC_MAX]);
/* PKCS #8 in PEM. */
enum err signing_key_write(const struct signing_key *key, struct buf *out) MUST_USE;

/* E_IO when OpenSSL could not, which no healthy key leads to. */
enum err signing_key_sign(struct signing_key *key, const struct digest *digest,
			  uint8_t out[SIGNATURE_MAX], size_t *ret_len) MUST_USE;

#endif
