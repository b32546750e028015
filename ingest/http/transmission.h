/* The body of POST /v1/transmissions, in the shape that SparkPost, PowerMTA and Momentum users have (docs/publishing.md). Pure. */
#ifndef LEVERET_INGEST_HTTP_TRANSMISSION_H
#define LEVERET_INGEST_HTTP_TRANSMISSION_H

#include "ingest/http/compose.h"
#include "ingest/http/posting.h"

struct transmission {
	struct posting posting;
	struct composition composition; /* when the posting has no content of its own */
};

/* E_MALFORMED, E_TOO_BIG, E_REFUSED with the place of what is wrong. What it gives lives in the arena; the posting's content is either
 * email_rfc822, or the composition's skeleton. */
enum err transmission_read(struct arena *arena, struct bytes json, int64_t wall_ms,
			   struct transmission *ret, struct why *why) MUST_USE;

#endif
