/* xtext (RFC 3461 section 4): printable ASCII in which "+", "=" and all other bytes are written as "+" and two upper-case
 * hexadecimal digits. Strict: what decodes to anything but printable ASCII is refused, since it is told in headers and logs. Pure. */
#ifndef LEVERET_LIB_MAIL_XTEXT_H
#define LEVERET_LIB_MAIL_XTEXT_H

#include "lib/base/buf.h"
#include "lib/base/bytes.h"

bool xtext_is_valid(struct bytes text);
/* The decoded bytes, never more than text.len; `text` is valid. Returns how many. */
size_t xtext_decode(struct bytes text, uint8_t *out);
enum err xtext_write(struct bytes decoded, struct buf *out) MUST_USE;

#endif
