#include "broker/replica_times.h"

#include <string.h>

void times_read(struct replica_times *times, struct bytes stored)
{
	*times = (struct replica_times){0};
	if (stored.len > sizeof times->at || stored.len % sizeof times->at[0] != 0)
		return;
	if (stored.len > 0)
		memcpy(times->at, stored.data, stored.len);
	times->count = stored.len / sizeof times->at[0];
}

struct bytes times_bytes(const struct replica_times *times)
{
	return bytes_from(times->at, times->count * sizeof times->at[0]);
}

bool times_note(struct replica_times *times, uint64_t place, int64_t wall_ms, int64_t spacing_ms)
{
	while (times->count > 0 && (times->at[times->count - 1].place > place ||
				    times->at[times->count - 1].wall_ms > wall_ms))
		times->count--;
	if (times->count > 0 && wall_ms - times->at[times->count - 1].wall_ms < spacing_ms)
		return false;
	if (times->count == TIMES_MAX)
		memmove(&times->at[0], &times->at[1], --times->count * sizeof times->at[0]);
	times->at[times->count].place = place;
	times->at[times->count].wall_ms = wall_ms;
	times->count++;
	return true;
}

bool times_place(const struct replica_times *times, int64_t wall_ms, uint64_t *ret)
{
	if (times->count == 0)
		return false;
	size_t i = times->count - 1;
	while (i > 0 && times->at[i].wall_ms > wall_ms)
		i--;
	*ret = times->at[i].place;
	return true;
}
