/* How many suppressions an hour may bring: counted by the minute, over the last 60. Pure; kept in the store by the ledger, in the same
 * transaction as what it counts, so that neither a crash nor a bounce that comes again changes the count. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_ALLOWANCE_H
#define LEVERET_BOUNCER_SUPPRESSIONS_ALLOWANCE_H

#include "lib/base/bytes.h"

#define ALLOWANCE_MINUTES 60
#define ALLOWANCE_BYTES	  (4 + ALLOWANCE_MINUTES * 4)

struct allowance {
	uint32_t minute; /* of the last count, since 1970 */
	uint32_t counts[ALLOWANCE_MINUTES];
};

/* What cannot be read is an allowance that nothing was taken from. */
void allowance_parse(struct bytes stored, struct allowance *ret);
void allowance_write(const struct allowance *allowance, uint8_t out[ALLOWANCE_BYTES]);
/* Take one of `max` an hour (0: no limit): false when there is none left. */
bool allowance_take(struct allowance *allowance, int64_t wall_ms, uint64_t max);

#endif
