/* SHA-256, and comparing what must not be guessed byte by byte. */
#ifndef LEVERET_LIB_CRYPTO_DIGEST_H
#define LEVERET_LIB_CRYPTO_DIGEST_H

#include "lib/base/bytes.h"

#define DIGEST_SIZE	32
#define DIGEST_HEX_SIZE 65 /* with NUL */

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

struct digest digest_of(struct bytes b);
/* Of the parts, each told from its neighbour: ("ab", "c") and ("a", "bc") differ. */
struct digest digest_of_parts(const struct bytes *parts, size_t count);
bool digest_equal(const struct digest *a, const struct digest *b); /* in constant time */
void digest_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE]);
bool digest_parse(struct bytes hex, struct digest *ret); /* 64 hexadecimal digits */

/* Of bytes that come one after the other; used again and again by one thread. */
struct digest_stream;
struct digest_stream *digest_stream_new(void);
void digest_stream_free(struct digest_stream **stream);
void digest_stream_add(struct digest_stream *stream, struct bytes b);
struct digest digest_stream_finish(struct digest_stream *stream); /* and begins anew */

#endif
