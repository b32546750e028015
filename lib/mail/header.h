/* The fields of a header section (RFC 5322 2.2), one after the other. Pure; borrows and copies nothing. */
#ifndef LEVERET_LIB_MAIL_HEADER_H
#define LEVERET_LIB_MAIL_HEADER_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"

struct header_field {
	struct bytes whole; /* with its continuation lines and line ends */
	struct bytes name;  /* none: the line is no field */
	struct bytes value; /* behind the colon, folded as it stands, without its final line end */
};
/* Take the field at the front of *rest, which begins at a line; lines end in CR LF. False at the end, and at the empty line, which
 * stays in *rest. */
bool header_next(struct bytes *rest, struct header_field *ret);
/* The value in one line: line ends are taken out, blanks at both ends too, and tabs become spaces. In the arena only when it was folded. */
struct bytes header_unfold(struct arena *arena, struct bytes value);
/* The bytes up to and with the empty line that ends the section; 0 when it has not come yet. `from` is how far an earlier look saw. */
size_t header_length(struct bytes in, size_t from);

#endif
