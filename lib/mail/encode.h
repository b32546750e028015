/* Writing mail: header fields and bodies as ASCII lines of a safe length, whatever text is given. Pure functions that append; E_FULL when
 * `out` is. Text is UTF-8. A control character in a header value becomes a space, so that no value can begin a line. */
#ifndef LEVERET_LIB_MAIL_ENCODE_H
#define LEVERET_LIB_MAIL_ENCODE_H

#include "lib/base/buf.h"

/* A field name of RFC 5322 3.6.8: printable ASCII without colon, at most 76 bytes. */
bool header_name_is_valid(struct bytes name);

/* "Name: value" folded, with its CRLF; what is not plain ASCII as encoded words (RFC 2047). */
enum err header_text_write(struct bytes name, struct bytes value, struct buf *out) MUST_USE;
/* "Name: display <address>"; display may be none. The address is written as it is: check it before. */
enum err header_address_write(struct bytes name, struct bytes display, struct bytes address,
			      struct buf *out) MUST_USE;
/* "; name=value" on a line of its own: quoted, or as RFC 2231 has it. */
enum err header_parameter_write(struct bytes name, struct bytes value, struct buf *out) MUST_USE;

/* Quoted-printable (RFC 2045 6.7): any line end becomes CRLF, and the last line has one. */
enum err quoted_printable_write(struct bytes text, struct buf *out) MUST_USE;
/* Base 64 in lines of 76. */
enum err base64_lines_write(struct bytes b, struct buf *out) MUST_USE;

#endif
