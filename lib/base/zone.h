/* What clocks on the wall show in a time zone: a zoneinfo file (RFC 9636) as data, without the process's own zone. Pure but for the memory. */
#ifndef LEVERET_LIB_BASE_ZONE_H
#define LEVERET_LIB_BASE_ZONE_H

#include "lib/base/arena.h"

#define ZONE_FILE_MAX (256u << 10)

struct zone;
/* Of the bytes of a file such as /usr/share/zoneinfo/Europe/Berlin, version 2 or later. Lives in the arena, borrows nothing. */
enum err zone_read(struct arena *arena, struct bytes file, const struct zone **ret,
		   struct why *why) MUST_USE;
/* "Europe/Berlin", "UTC": may it be the name of such a file below a directory? */
bool zone_is_name(const char *name);
/* Seconds east of UTC at that time; NULL is UTC. */
int64_t zone_offset_s(const struct zone *zone, int64_t unix_s);

#endif
