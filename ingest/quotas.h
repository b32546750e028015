/* How much each client may do: so many messages and recipients a minute, so many sessions at once, by any key (an address, a user). Bounded: when it
 * is full, the entry that was idle longest goes. Pure, but for memory. */
#ifndef LEVERET_INGEST_QUOTAS_H
#define LEVERET_INGEST_QUOTAS_H

#include "lib/base/bytes.h"

#define QUOTAS_MAX     10000
#define QUOTAS_KEY_MAX 256

enum quota_kind { QUOTA_MESSAGES, QUOTA_RECIPIENTS, QUOTA_KINDS };

struct quotas;
struct quotas *quotas_new(void);
void quotas_free(struct quotas **quotas);
/* One more of its kind; false, and none is counted, past per_minute of them. What a quiet minute left over may come at once, no more. */
bool quotas_take(struct quotas *quotas, struct bytes key, enum quota_kind kind, unsigned per_minute,
		 int64_t now_ms);
/* One more session; false, and none is counted, when there are max_count already. Each that entered leaves. */
bool quotas_enter(struct quotas *quotas, struct bytes key, unsigned max_count);
void quotas_leave(struct quotas *quotas, struct bytes key);

#endif
