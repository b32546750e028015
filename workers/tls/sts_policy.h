/* What MTA-STS says (RFC 8461): the record in DNS and the policy behind it. Pure functions on outside bytes (fuzzed). */
#ifndef LEVERET_WORKERS_TLS_STS_POLICY_H
#define LEVERET_WORKERS_TLS_STS_POLICY_H

#include "lib/base/bytes.h"

#define STS_ID_MAX	32
#define STS_MX_MAX	64 /* further patterns make the policy malformed */
#define STS_AGE_MAX_S	31557600
#define STS_POLICY_SIZE ((size_t)64 << 10) /* of its text */

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	int64_t max_age_s;
	size_t mx_count;
	char mx[STS_MX_MAX][256]; /* lower case; "*.example.com" stands for one label */
};

/* One TXT record of _mta-sts.<domain>. False: it is none, or malformed. */
bool sts_record_parse(struct bytes text, char ret_id[STS_ID_MAX + 1]);
/* The body of https://mta-sts.<domain>/.well-known/mta-sts.txt. */
bool sts_policy_parse(struct bytes text, struct sts_policy *ret);
/* Does a pattern name this MX host (RFC 8461 4.1)? Letters of either case. */
bool sts_policy_names(const struct sts_policy *policy, const char *host);

#endif
