/* One header field of tags (RFC 6376 3.2), folded as it is written. After an error everything is a no-op. Pure. */
#ifndef LEVERET_LIB_DKIM_FIELD_WRITING_H
#define LEVERET_LIB_DKIM_FIELD_WRITING_H

#include "lib/base/buf.h"

struct field_writing {
	struct buf *out;
	size_t column;
	enum err err; /* the first one */
};

void field_text(struct field_writing *w, const char *text, size_t len);
void field_fold(struct field_writing *w);
/* Not cut: on a line of its own if this one has no room. */
void field_piece(struct field_writing *w, const char *text);
/* "name=value;" with a blank or a fold before it. */
void field_tag(struct field_writing *w, const char *name, const char *value);
/* Cut wherever a line is full; of at most SIGNATURE_MAX bytes. */
void field_base64(struct field_writing *w, struct bytes b);

#endif
