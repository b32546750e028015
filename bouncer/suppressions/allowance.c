/* See allowance.h. A clock that goes back a little counts in the minute it had come to; one that was far ahead begins anew. */
#include "bouncer/suppressions/allowance.h"

#include "lib/base/little.h"

#define MINUTE_MS 60000

void allowance_parse(struct bytes stored, struct allowance *ret)
{
	*ret = (struct allowance){0};
	if (stored.len != ALLOWANCE_BYTES)
		return;
	ret->minute = little_get32(stored.data);
	for (size_t i = 0; i < ALLOWANCE_MINUTES; i++)
		ret->counts[i] = little_get32(stored.data + 4 + i * 4);
}

void allowance_write(const struct allowance *allowance, uint8_t out[ALLOWANCE_BYTES])
{
	uint8_t *at = little_put32(out, allowance->minute);
	for (size_t i = 0; i < ALLOWANCE_MINUTES; i++)
		at = little_put32(at, allowance->counts[i]);
}

/* Minutes that passed without a count are emptied, as they come round again. */
static void advance(struct allowance *allowance, uint32_t minute)
{
	if (minute + ALLOWANCE_MINUTES < allowance->minute)
		*allowance = (struct allowance){.minute = minute};
	if (minute <= allowance->minute)
		return;
	uint32_t passed = minute - allowance->minute;
	for (uint32_t i = 1; i <= passed && i <= ALLOWANCE_MINUTES; i++)
		allowance->counts[(allowance->minute + i) % ALLOWANCE_MINUTES] = 0;
	allowance->minute = minute;
}

bool allowance_take(struct allowance *allowance, int64_t wall_ms, uint64_t max)
{
	uint64_t taken = 0;
	advance(allowance, (uint32_t)(wall_ms / MINUTE_MS));
	for (size_t i = 0; i < ALLOWANCE_MINUTES; i++)
		taken += allowance->counts[i];
	if (max > 0 && taken >= max)
		return false;
	allowance->counts[allowance->minute % ALLOWANCE_MINUTES]++;
	return true;
}
