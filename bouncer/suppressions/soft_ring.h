/* The last bounces of an address that are counted: when, of which class, told by which attempt. Pure, and bounded: the oldest gives
 * way. One that comes again is known by its digest and counted once. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_SOFT_RING_H
#define LEVERET_BOUNCER_SUPPRESSIONS_SOFT_RING_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define SOFT_RING_MAX	 32
#define SOFT_EVENT_BYTES 9
#define SOFT_RING_BYTES	 (1 + SOFT_RING_MAX * SOFT_EVENT_BYTES)

struct soft_event {
	uint32_t at_s; /* wall time */
	uint32_t digest;
	uint8_t outcome;
};
struct soft_ring {
	struct soft_event events[SOFT_RING_MAX]; /* by time */
	size_t count;
};

enum err soft_ring_parse(struct bytes stored, struct soft_ring *ret) MUST_USE; /* E_MALFORMED */
size_t soft_ring_write(const struct soft_ring *ring, uint8_t out[SOFT_RING_BYTES]);

/* False: it is there already, or is older than all of a full ring. */
bool soft_ring_add(struct soft_ring *ring, struct soft_event event);
/* Of an outcome, from since_s to until_s. */
unsigned soft_ring_count(const struct soft_ring *ring, uint8_t outcome, uint32_t since_s,
			 uint32_t until_s);
/* Forget what was before or at at_s. */
void soft_ring_forget(struct soft_ring *ring, uint32_t at_s);

#endif
