/* See lane_plan.h. */
#include "workers/delivery/lane_plan.h"

#define DEAD_MIN_MS 1000
#define DEAD_MAX_MS 60000

bool plan_wants_link(size_t waiting_count, size_t opening_count)
{
	return waiting_count > opening_count;
}

bool plan_site_has_room(size_t open_count, size_t lingering_count, int64_t limit)
{
	return open_count + lingering_count < (size_t)limit;
}

int64_t plan_dead_ms(int64_t began_at_ms, int64_t now_ms)
{
	int64_t took_ms = now_ms - began_at_ms;
	if (took_ms < DEAD_MIN_MS)
		return 0;
	return took_ms < DEAD_MAX_MS ? took_ms : DEAD_MAX_MS;
}
