/* Base 64 as RFC 4648 section 4 wants it: no line breaks, padded, no stray bits. For schemas/ and the HTTP door. */
#ifndef LEVERET_SCHEMAS_BASE64_H
#define LEVERET_SCHEMAS_BASE64_H

#include "lib/base/arena.h"

/* One text for each run of bytes and no other: E_MALFORMED for everything a lenient decoder would let pass. */
enum err base64_decode(struct arena *arena, struct bytes text, struct bytes *ret) MUST_USE;

#endif
