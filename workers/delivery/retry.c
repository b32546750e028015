/* Geometric growth up to a maximum, or a list, then jitter to both sides. */
#include "workers/delivery/retry.h"

#include <assert.h>
#include <string.h>

#include "lib/conf/units.h"

bool retry_wait_parse(const char *text, int64_t *ret_ms)
{
	int64_t ms;
	if (!units_parse_duration(text, &ms) || ms < 1000 || ms > RETRY_WAIT_MAX_MS)
		return false;
	*ret_ms = ms;
	return true;
}

static double listed_wait(const struct retry_settings *retry, uint32_t attempt)
{
	size_t last = retry->waits.count - 1, at = attempt > 0 ? attempt - 1 : 0;
	int64_t wait = retry->first;
	(void)retry_wait_parse(retry->waits.items[at < last ? at : last], &wait);
	return (double)wait;
}

static double grown_wait(const struct retry_settings *retry, uint32_t attempt)
{
	double wait = (double)retry->first;
	for (uint32_t i = 1; i < attempt && wait < (double)retry->max && retry->factor > 1; i++)
		wait *= retry->factor;
	return wait > (double)retry->max ? (double)retry->max : wait;
}

int64_t retry_wait_ms(const struct retry_settings *retry, uint32_t attempt, double random)
{
	double wait =
		retry->waits.count > 0 ? listed_wait(retry, attempt) : grown_wait(retry, attempt);
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

const struct retry_settings *retry_chosen(const struct conf_items *schedules, struct bytes asked,
					  const char *of_site)
{
	for (size_t i = 0; asked.len > 0 && i < schedules->count; i++) {
		const struct retry_settings *retry = CONF_ITEM(schedules, struct retry_settings, i);
		if (bytes_is(asked, retry->name))
			return retry;
	}
	return retry_named(schedules, of_site);
}
