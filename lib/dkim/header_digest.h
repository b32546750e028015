/* The digest over canonical header fields that a signature signs: few calls of the hash, with many bytes each. */
#ifndef LEVERET_LIB_DKIM_HEADER_DIGEST_H
#define LEVERET_LIB_DKIM_HEADER_DIGEST_H

#include "lib/crypto/digest.h"
#include "lib/dkim/canon.h"

struct header_digest { /* private */
	struct digest_stream *digest;
	size_t len;
	uint8_t piece[CANON_PIECE];
};
void header_digest_begin(struct header_digest *digest);
/* has_end: with its CRLF, as canon_field() has it. */
void header_digest_add(struct header_digest *digest, enum canon canon, struct bytes field,
		       bool has_end);
struct digest header_digest_end(struct header_digest *digest); /* frees what it holds */

#endif
