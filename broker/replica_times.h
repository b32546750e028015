/* When a table's positions were its end: a few samples, so that the age of an entry is known from its place, roughly, and by this host's clock
 * alone. Pure. */
#ifndef LEVERET_BROKER_REPLICA_TIMES_H
#define LEVERET_BROKER_REPLICA_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

#define TIMES_MAX 64

struct replica_times { /* in order; kept as its own bytes, which are those of this host */
	struct {
		uint64_t place;
		int64_t wall_ms;
	} at[TIMES_MAX];
	size_t count;
};

/* As it was kept; none where it was not, or not by this host. */
void times_read(struct replica_times *times, struct bytes stored);
struct bytes times_bytes(const struct replica_times *times); /* borrowed */
/* The table ends at `place` now. True: it is worth keeping, `spacing_ms` after the one before. What a clock that was set back or a
 * table that was made anew contradicts is forgotten, and so is the oldest beyond TIMES_MAX. */
bool times_note(struct replica_times *times, uint64_t place, int64_t wall_ms, int64_t spacing_ms);
/* What stands at *ret or before it was appended before wall_ms, or at a time that is not known. False: nothing is known. */
bool times_place(const struct replica_times *times, int64_t wall_ms, uint64_t *ret);

#endif
