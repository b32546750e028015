/* When to try again: a schedule of growing waits, spread so that what failed together does not return together. Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_RETRY_H
#define LEVERET_WORKERS_DELIVERY_RETRY_H

#include "workers/delivery/settings.h"

/* The wait after attempt `attempt` (1: the first). random: [0, 1), 0.5 is the schedule itself. */
int64_t retry_wait_ms(const struct retry_settings *retry, uint32_t attempt, double random);
/* The schedule of that name, else "default". Never NULL for settings that were read. */
const struct retry_settings *retry_named(const struct conf_items *schedules, const char *name);
/* The one that a message asks for where it exists, else that of its site. */
const struct retry_settings *retry_chosen(const struct conf_items *schedules, struct bytes asked,
					  const char *of_site);
#define RETRY_WAIT_MAX_MS INT64_C(2592000000)
bool retry_wait_parse(const char *text, int64_t *ret_ms); /* an entry of `waits`: 1 s to 30 days */

#endif
