/* Time as a value that is handed in, so that tests need no sleep. Monotonic for timers, wall for what is stored. */
#ifndef LEVERET_LIB_BASE_CLOCK_H
#define LEVERET_LIB_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

struct clock {
	int64_t (*now_ms)(const struct clock *clock);  /* monotonic, from an arbitrary start */
	int64_t (*wall_ms)(const struct clock *clock); /* Unix time */
};

static inline int64_t clock_now_ms(const struct clock *clock)
{
	return clock->now_ms(clock);
}

static inline int64_t clock_wall_ms(const struct clock *clock)
{
	return clock->wall_ms(clock);
}

const struct clock *clock_system(void);

/* Room for any year that int64_t can hold. */
#define CLOCK_RFC5322_SIZE 80
#define CLOCK_RFC3339_SIZE 80
void clock_rfc5322(
	int64_t wall_ms,
	char out[CLOCK_RFC5322_SIZE]); /* "Sat, 21 Nov 2026 09:20:00 +0000": for headers */
void clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]); /* "2026-11-21T09:20:00.123Z" */
/* All of `text`, strictly: "2026-11-21T09:20:00[.123]Z", or with an offset ("+01:00") in place of Z. From 1970 on. */
bool clock_parse_rfc3339(struct bytes text, int64_t *ret_wall_ms);

#endif
