/* How often something happened in the last while: exact, bounded. Behind struct shaping_state. */
#ifndef LEVERET_LIB_SHAPING_WINDOW_H
#define LEVERET_LIB_SHAPING_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct shaping_state;

struct window_limit {
	unsigned count; /* 1..SHAPING_AFTER_MAX */
	int64_t within_ms;
};

/* One more of `key`. True when that makes limit.count within limit.within_ms: then counting starts anew. */
bool windows_count(struct shaping_state *state, uint64_t key, struct window_limit limit,
		   int64_t now_ms);

#endif
