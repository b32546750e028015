/* Passwords against their hashes: crypt(3) (yescrypt, bcrypt, SHA-512 and SHA-256) and Argon2. Thread safe.
 * The only door to libcrypt and libargon2. */
#ifndef LEVERET_LIB_CRYPTO_PASSWORD_H
#define LEVERET_LIB_CRYPTO_PASSWORD_H

#include "lib/base/bytes.h"

#define PASSWORD_MAX 512 /* what libcrypt takes */

/* Is it a hash of a form that we know, that is still thought safe, and whose cost can be borne (Argon2: 1 GiB and 100 passes; SHA:
 * 10,000,000 rounds; bcrypt: 16)? */
bool password_hash_is_usable(const char *hash);
/* Takes 50 to 300 ms by the hash's own cost: never called on a loop. A password with a NUL in it matches nothing. */
bool password_matches(const char *hash, struct bytes password);

#endif
