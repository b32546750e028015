/* The header of a message, field by field (RFC 5322 2.2). Pure functions on bytes.
 *
 * Read as it will stand on the wire, where nothing but CRLF ends a line: a LF alone counts as CRLF and a CR alone as a space. */
#ifndef LEVERET_LIB_DKIM_HEADER_H
#define LEVERET_LIB_DKIM_HEADER_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define HEADER_FIELDS_MAX 2000

struct header_field { /* borrowed */
	struct bytes name;
	struct bytes value; /* all behind the colon, with its line ends */
	struct bytes whole; /* name, colon, value */
};

/* Takes the next field off the front of a message. E_NOT_FOUND: the header is over, and *rest is the body. E_MALFORMED: what stands
 * there is neither a field nor an empty line. */
enum err header_field_take(struct bytes *rest, struct header_field *ret) MUST_USE;
/* The first field of this name, without looking further. E_NOT_FOUND, E_MALFORMED. */
enum err header_field_find(struct bytes message, const char *name,
			   struct header_field *ret) MUST_USE;

struct header {
	struct header_field *fields; /* every `whole` ends with CRLF, and has no other CR or LF */
	size_t field_count;
	struct bytes body; /* as it was given */
};
/* What must be changed is copied to the arena; the rest is borrowed. E_MALFORMED; E_TOO_BIG: more than HEADER_FIELDS_MAX fields. */
enum err header_read(struct arena *arena, struct bytes message, struct header *ret,
		     struct why *why) MUST_USE;

#endif
