/* What becomes of an address after a bounce, a complaint or an unsubscription: the settings `bouncer.policies` over those that are
 * shipped, and a pure decision. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_POLICY_H
#define LEVERET_BOUNCER_SUPPRESSIONS_POLICY_H

#include "lib/conf/conf.h"
#include "lib/report/classifier.h"

/* What a policy is for: a class of bounces, by its number, or one of these. */
enum { OUTCOME_COMPLAINT = CLASS_COUNT, OUTCOME_UNSUBSCRIBE, OUTCOME_COUNT };

/* "bad_mailbox", "complaint": names in the settings, and reasons of suppressions. */
const char *outcome_name(unsigned outcome);
/* '-' and '_' are the same; OUTCOME_COUNT when there is none of that name. */
unsigned outcome_of_name(struct bytes name);
/* A class that means the address is gone, told without certainty, counts as `other`. */
unsigned outcome_of_verdict(const struct bounce_verdict *verdict);

enum policy_scope { SUPPRESS_FOR_ALL, SUPPRESS_FOR_TENANT, SUPPRESS_FOR_STREAM };

#define POLICY_NEVER   INT64_C(0)
#define POLICY_FOREVER INT64_MAX

struct policy {
	int64_t suppress_ms; /* or POLICY_NEVER, POLICY_FOREVER */
	unsigned after;
	int64_t within_ms;
	enum policy_scope scope;
};

struct policy_settings { /* an entry of `policies:` */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "bouncer/suppressions/policy.def"
#undef X
};
struct safety_settings {
#define X(field, type, ...) conf_##type field;
#include "bouncer/suppressions/safety.def"
#undef X
};
extern const struct conf_section policies_section, safety_section;

struct policies {
	struct policy of[OUTCOME_COUNT];
	int64_t longest_within_ms; /* of those that count */
};
/* `settings` holds struct policy_settings, checked. */
void policies_init(struct policies *policies, const struct conf_items *settings);

bool policy_counts(const struct policy *policy); /* one is not enough */

struct policy_decision {
	bool must_suppress;
	int64_t expires_wall_ms; /* 0: never */
};
/* `count` of them within policy->within_ms, this one included, at its time. */
struct policy_decision policy_decide(const struct policy *policy, unsigned count,
				     int64_t at_wall_ms);

#endif
