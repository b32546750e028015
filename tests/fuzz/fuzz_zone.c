/* A zoneinfo file of any bytes, and what its clock shows over the centuries. */
#include "lib/base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const struct zone *zone;
	struct why why;
	if (zone_read(arena, bytes_from(data, size), &zone, &why) == OK)
		for (int64_t at = -INT64_C(9000000000); at < INT64_C(9000000000); at += 70000001)
			(void)zone_offset_s(zone, at);
	arena_free(&arena);
	return 0;
}
