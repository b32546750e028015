/* Canonical forms of headers and bodies (RFC 6376 3.4): what is hashed, so that small changes on the way break no signature. Pure; a body
 * may come in any pieces, and takes no memory. */
#ifndef LEVERET_LIB_DKIM_CANON_H
#define LEVERET_LIB_DKIM_CANON_H

#include "lib/base/bytes.h"

enum canon { CANON_SIMPLE, CANON_RELAXED };
#define CANON_COUNT 2

/* Where canonical bytes go. */
struct canon_sink {
	void (*put)(void *owner, struct bytes b);
	void *owner;
};

/* One field, name and colon and value, each line ended by CRLF. Without has_end the last CRLF is left out, as the signature's own field
 * wants it. */
void canon_field(enum canon canon, struct bytes field, bool has_end, const struct canon_sink *sink);

#define CANON_PIECE 4096

/* A body as it stands on the wire: a LF alone counts as CRLF and a CR alone as a space, since that is what workers/smtp/body.h sends for
 * them, and a last line without an end gets one. A binary body goes as it is: there both are bytes like others. */
struct canon_body { /* private */
	enum canon canon;
	bool is_binary;
	struct canon_sink sink;
	uint64_t empty_count;	/* line ends held back, because they may be the last */
	bool is_line_open;	/* the line under way has something in it */
	bool has_space, has_cr; /* held back, because of what may follow */
	bool has_output;
	size_t len;
	uint8_t piece[CANON_PIECE];
};
void canon_body_begin(struct canon_body *body, enum canon canon, const struct canon_sink *sink);
void canon_body_take_binary(struct canon_body *body); /* right behind the beginning: it is one */
void canon_body_add(struct canon_body *body, struct bytes b);
void canon_body_end(struct canon_body *body);

#endif
