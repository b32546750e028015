/* Reading base 64 (RFC 4648 section 4). Pure. */
#ifndef LEVERET_LIB_BASE_BASE64_H
#define LEVERET_LIB_BASE_BASE64_H

#include "lib/base/arena.h"

int base64_digit(uint8_t c); /* 0 to 63; -1: none */

/* No line breaks, padded, no stray bits: one text for each run of bytes and no other. False for everything a lenient decoder would let
 * pass. `out` holds text.len / 4 * 3 bytes. */
bool base64_read(struct bytes text, uint8_t *out, size_t *ret_len);
enum err base64_decode(struct arena *arena, struct bytes text, struct bytes *ret) MUST_USE;

#endif
