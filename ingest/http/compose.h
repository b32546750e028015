/* From the parts of a message to its skeleton: everything that is the same for all recipients is written here, once; the templates and the
 * To field are left for the worker. Pure, but for the boundaries' randomness. */
#ifndef LEVERET_INGEST_HTTP_COMPOSE_H
#define LEVERET_INGEST_HTTP_COMPOSE_H

#include "schemas/schemas.h"

#define COMPOSE_HEADERS_MAX	100
#define COMPOSE_ATTACHMENTS_MAX 100

struct mailbox_parts {
	struct bytes address; /* checked, ASCII but for its local part's own form */
	struct bytes name;    /* a template */
};
struct attachment {
	struct bytes name,
		type; /* "invoice.pdf", "application/pdf"; of an inline image the name is its Content-ID */
	struct bytes data;
};
struct composition {
	struct mailbox_parts from, reply_to; /* no address: no such field */
	struct bytes subject, text, html;    /* templates */
	bool has_text, has_html;
	struct pair *headers; /* names checked; values are templates */
	size_t header_count;
	struct attachment *attachments, *images;
	size_t attachment_count, image_count;
	struct bytes variables; /* a JSON object, for all recipients */
};

/* Appends the encoded skeleton. E_FULL when `out` is. */
enum err compose(struct arena *arena, const struct composition *composition, int64_t wall_ms,
		 struct buf *out) MUST_USE;

#endif
