/* A mail cut into what is published of it: a part for each group of its recipients. Knows no broker's state. */
#ifndef LEVERET_INGEST_PARTS_H
#define LEVERET_INGEST_PARTS_H

#include "broker/broker.h"
#include "ingest/encoding.h"

struct part {
	const struct group *group;
	void *owner;
	int64_t published_at_ms; /* by who publishes it */
};

struct parts {
	const struct mail *mail;       /* borrowed; its arena holds the items */
	const char *hostname;	       /* borrowed */
	const struct routing *routing; /* borrowed */
	struct part *items;
	size_t count;
	struct buf received; /* our Received field */
	bool has_large;	     /* the first, the largest of all, may be too big for the broker */
};

/* Fills *ret whatever it returns; parts_done() in any case. E_TOO_BIG: a part that can never be encoded. */
enum err parts_cut(struct mail *mail, const char *hostname, const struct routing *routing,
		   void *owner, struct parts *ret) MUST_USE;
void parts_done(struct parts *parts);

/* All of a part but the mail's content. E_TOO_BIG. */
enum err parts_encode(const struct parts *parts, const struct part *part, struct buf *out) MUST_USE;
/* Where it goes and what follows its head, which is left empty. `key` is part of it. */
struct publication part_publication(const struct parts *parts, const struct part *part,
				    char key[ENCODING_KEY_SIZE]);

#endif
