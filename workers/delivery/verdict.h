/* What follows for a recipient from what an attempt did for it. Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_VERDICT_H
#define LEVERET_WORKERS_DELIVERY_VERDICT_H

#include "workers/delivery/shaper.h"
#include "workers/smtp/session.h"

enum verdict {
	VERDICT_DELIVERED,
	VERDICT_RETRY,	 /* not before the time that was offered */
	VERDICT_BOUNCED, /* the answer will not change */
	VERDICT_EXPIRED, /* it would be tried again, but its time is over by then */
};

/* retry_wall_ms: when it would be tried again; expires_wall_ms: 0 is never. */
enum verdict verdict_of(const struct smtp_outcome *outcome, int64_t retry_wall_ms,
			int64_t expires_wall_ms);
/* The same where shaping rules have a word: what was delivered stays so. */
enum verdict verdict_ruled(enum verdict verdict, const struct ruling *ruling, int64_t retry_wall_ms,
			   int64_t expires_wall_ms);

#endif
