/* Batches of results or events as lines of JSON. */
#ifndef LEVERET_LEVERET_FOLLOW_LINES_H
#define LEVERET_LEVERET_FOLLOW_LINES_H

#include "broker/broker.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"

#define FOLLOW_LINES_MAX ((size_t)64 << 20) /* of one batch */

struct follow_lines {
	struct arena *arena;
	struct buf text;      /* may be taken and cleared */
	uint64_t count;	      /* of lines, since the beginning */
	int64_t from_wall_ms; /* what was told before is passed over */
};
/* room: for what is there already when a batch comes. */
void follow_lines_init(struct follow_lines *lines, size_t room);
void follow_lines_done(struct follow_lines *lines);
/* All lines of a batch, or none: E_MALFORMED, E_TOO_BIG. Its key says what it is. */
enum err follow_lines_add(struct follow_lines *lines, const struct lease *lease,
			  struct why *why) MUST_USE;

#endif
