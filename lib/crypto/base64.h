/* Base 64 (RFC 4648 4) on one line. Pure. */
#ifndef LEVERET_LIB_CRYPTO_BASE64_H
#define LEVERET_LIB_CRYPTO_BASE64_H

#include "lib/base/bytes.h"

#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1) /* with NUL */

/* Returns the length of the text in out, which holds BASE64_SIZE(b.len). */
size_t base64_text(struct bytes b, char *out);

#endif
