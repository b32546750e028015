/* How many of how many in the last while: a ring of buckets, in memory of one size. `wall_ms` is the time now, which
 * may go back a little; by a window or more, what was counted is forgotten, as it would never grow old. Pure. */
#ifndef LEVERET_BOUNCER_ALERTS_ALERT_WINDOW_H
#define LEVERET_BOUNCER_ALERTS_ALERT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

#define ALERT_BUCKETS 30

struct alert_window {	/* all 0: empty */
	int64_t newest; /* number of its newest bucket, counted since 1970 */
	uint32_t matched[ALERT_BUCKETS], total[ALERT_BUCKETS]; /* by number modulo ALERT_BUCKETS */
};

/* The window's length is the same in all calls. A count that is full stays so. */
void alert_window_add(struct alert_window *window, int64_t window_ms, int64_t wall_ms,
		      unsigned matched, unsigned total);
void alert_window_sum(const struct alert_window *window, int64_t window_ms, int64_t wall_ms,
		      uint64_t *ret_matched, uint64_t *ret_total);

#define ALERT_WINDOW_BYTES (8 + 8 * ALERT_BUCKETS)
void alert_window_write(const struct alert_window *window, uint8_t out[ALERT_WINDOW_BYTES]);
void alert_window_read(const uint8_t in[ALERT_WINDOW_BYTES], struct alert_window *ret);

#endif
