/* Geometric growth up to a maximum, then jitter to both sides. */
#include "workers/delivery/retry.h"

#include <assert.h>
#include <string.h>

int64_t retry_wait_ms(const struct retry_settings *retry, uint32_t attempt, double random)
{
	double wait = (double)retry->first;
	for (uint32_t i = 1; i < attempt && wait < (double)retry->max && retry->factor > 1; i++)
		wait *= retry->factor;
	if (wait > (double)retry->max)
		wait = (double)retry->max;
	wait *= 1 + (double)retry->jitter / 100 * (2 * random - 1);
	return (int64_t)wait;
}

const struct retry_settings *retry_named(const struct conf_items *schedules, const char *name)
{
	const struct retry_settings *fallback = NULL;
	for (size_t i = 0; i < schedules->count; i++) {
		const struct retry_settings *retry = CONF_ITEM(schedules, struct retry_settings, i);
		if (strcmp(retry->name, name) == 0)
			return retry;
		if (strcmp(retry->name, "default") == 0)
			fallback = retry;
	}
	assert(fallback);
	return fallback;
}
