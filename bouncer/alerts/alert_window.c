#include "bouncer/alerts/alert_window.h"

#include <string.h>

#include "lib/base/little.h"

static int64_t bucket_of(int64_t window_ms, int64_t wall_ms)
{
	int64_t width = window_ms / ALERT_BUCKETS;
	return wall_ms / (width > 0 ? width : 1);
}

static void move_to(struct alert_window *window, int64_t bucket)
{
	int64_t steps = bucket - window->newest;
	for (int64_t i = 0; i < steps && i < ALERT_BUCKETS; i++) {
		int64_t at = (bucket - i) % ALERT_BUCKETS;
		window->matched[at] = window->total[at] = 0;
	}
	window->newest = bucket;
}

static void add(uint32_t *count, unsigned more)
{
	*count = UINT32_MAX - *count < more ? UINT32_MAX : *count + more;
}

/* The clock was set back since, by a window or more: nobody knows when that was. */
static bool is_of_another_clock(const struct alert_window *window, int64_t bucket)
{
	return bucket <= window->newest - ALERT_BUCKETS;
}

void alert_window_add(struct alert_window *window, int64_t window_ms, int64_t wall_ms,
		      unsigned matched, unsigned total)
{
	int64_t bucket = bucket_of(window_ms, wall_ms);
	if (bucket < 0)
		return;
	if (is_of_another_clock(window, bucket))
		*window = (struct alert_window){.newest = bucket};
	if (bucket > window->newest)
		move_to(window, bucket);
	add(&window->matched[bucket % ALERT_BUCKETS], matched);
	add(&window->total[bucket % ALERT_BUCKETS], total);
}

void alert_window_sum(const struct alert_window *window, int64_t window_ms, int64_t wall_ms,
		      uint64_t *ret_matched, uint64_t *ret_total)
{
	int64_t oldest = bucket_of(window_ms, wall_ms) - ALERT_BUCKETS + 1;
	*ret_matched = *ret_total = 0;
	if (is_of_another_clock(window, oldest + ALERT_BUCKETS - 1))
		return;
	for (int64_t i = 0; i < ALERT_BUCKETS; i++) {
		int64_t bucket = window->newest - i;
		if (bucket < oldest || bucket < 0)
			return;
		*ret_matched += window->matched[bucket % ALERT_BUCKETS];
		*ret_total += window->total[bucket % ALERT_BUCKETS];
	}
}

void alert_window_write(const struct alert_window *window, uint8_t out[ALERT_WINDOW_BYTES])
{
	uint8_t *at = little_put64(out, (uint64_t)window->newest);
	for (size_t i = 0; i < ALERT_BUCKETS; i++) {
		at = little_put32(at, window->matched[i]);
		at = little_put32(at, window->total[i]);
	}
}

void alert_window_read(const uint8_t in[ALERT_WINDOW_BYTES], struct alert_window *ret)
{
	int64_t newest = (int64_t)little_get64(in);
	*ret = (struct alert_window){.newest = newest < 0 ? 0 : newest};
	for (size_t i = 0; i < ALERT_BUCKETS; i++) {
		ret->matched[i] = little_get32(in + 8 + 8 * i);
		ret->total[i] = little_get32(in + 12 + 8 * i);
	}
}
