/* Any bytes as an MTA-STS policy and as its record: within the maxima, and patterns are lower-case host names. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "workers/tls/sts_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sts_policy policy;
	char id[STS_ID_MAX + 1];
	struct bytes text = bytes_from(data, size);
	if (sts_record_parse(text, id))
		assert(strlen(id) > 0 && strlen(id) <= STS_ID_MAX);
	if (!sts_policy_parse(text, &policy))
		return 0;
	assert(policy.mx_count <= STS_MX_MAX && policy.max_age_s <= STS_AGE_MAX_S);
	assert(policy.max_age_s >= 0 && (policy.mx_count > 0 || policy.mode == STS_NONE));
	for (size_t i = 0; i < policy.mx_count; i++) {
		assert(strlen(policy.mx[i]) < sizeof policy.mx[i]);
		for (const char *p = policy.mx[i]; *p; p++)
			assert(isgraph((unsigned char)*p) && !isupper((unsigned char)*p));
	}
	(void)sts_policy_names(&policy, "mx.example.com");
	return 0;
}
