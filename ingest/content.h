/* The content of a submission: text files and scripts end lines in LF, mail ends them in CRLF.
 * Pure, but for the writer's file. */
#ifndef LEVERET_INGEST_CONTENT_H
#define LEVERET_INGEST_CONTENT_H

#include "lib/base/blob.h"

struct content_facts {
	unsigned hops; /* Received fields */
	bool has_8bit;
};

/* Writes `in` with CRLF at the end of every line, the last one included. E_MALFORMED: a CR of its
 * own, a NUL, or a line over line_max bytes; E_FULL and E_IO: the writer's. */
enum err content_normalise(struct bytes in, size_t line_max, struct blob_writer *out,
			   struct content_facts *ret, struct why *why) MUST_USE;

#endif
