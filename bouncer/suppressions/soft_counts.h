/* Bounces that are counted before they suppress, by the key that they would suppress: in the bouncer's store, synced with each count,
 * bounded, and forgotten when the longest window is over. A success forgets what was before it. Used on one loop. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_SOFT_COUNTS_H
#define LEVERET_BOUNCER_SUPPRESSIONS_SOFT_COUNTS_H

#include "lib/store/store.h"

#define SOFT_COUNTS_DATABASE "soft"
/* New addresses are not counted beyond that. */
#define SOFT_COUNTS_MAX 5000000

struct soft_counts;
struct soft_counts *soft_counts_new(struct loop *loop, struct store *store, int64_t keep_ms);
void soft_counts_free(struct soft_counts **counts); /* waits for what is under way */

struct soft_wish {
	struct bytes key; /* copied */
	uint8_t outcome;
	int64_t at_wall_ms, within_ms;
	uint32_t digest; /* of what tells it, so that one that comes again is not counted again */
};
/* `done` gets how many there were in the window that ends with this one; on an error (E_FULL, E_IO) nothing was counted. */
void soft_counts_add(struct soft_counts *counts, const struct soft_wish *wish,
		     void (*done)(void *owner, enum err err, unsigned count), void *owner);
/* A success at at_wall_ms. False: nothing was known of the key, and `done` does not come. */
bool soft_counts_forget(struct soft_counts *counts, struct bytes key, int64_t at_wall_ms,
			void (*done)(void *owner, enum err err), void *owner);

#endif
