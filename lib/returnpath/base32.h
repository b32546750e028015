/* Crockford's base 32: 0-9 and letters without i, l, o, u; read in either case, written in lower. Pure. */
#ifndef LEVERET_LIB_RETURNPATH_BASE32_H
#define LEVERET_LIB_RETURNPATH_BASE32_H

#include "lib/base/bytes.h"

/* bytes.len is a multiple of 5; out gets 8 characters for each 5 bytes, and no NUL. */
void base32_write(struct bytes bytes, char *out);
/* text.len is a multiple of 8; out gets 5 bytes for each 8 characters. False: not of this alphabet. */
bool base32_read(struct bytes text, uint8_t *out);
/* The 26 characters of an id (128 bits) as 16 bytes, and back with a NUL, in upper case. */
bool base32_read_id(struct bytes text, uint8_t out[16]);
void base32_write_id(const uint8_t id[16], char out[27]);

#endif
