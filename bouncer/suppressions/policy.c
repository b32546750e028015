/* See policy.h. */
#include "bouncer/suppressions/policy.h"

#include <stdio.h>
#include <string.h>

#include "lib/conf/units.h"

#define DAY_MS	  INT64_C(86400000)
#define SCOPE_ROW 1 /* "default" stands before the scopes in the choice */

/* Never for what is said of the source, the content or the moment: another mail may get through. */
static const struct policy never = {POLICY_NEVER, 1, 0, SUPPRESS_FOR_ALL};

static struct policy shipped(unsigned outcome)
{
	switch (outcome) {
	case CLASS_BAD_MAILBOX:
		return (struct policy){POLICY_FOREVER, 1, 0, SUPPRESS_FOR_ALL};
	case CLASS_BAD_DOMAIN:
		return (struct policy){30 * DAY_MS, 3, 7 * DAY_MS, SUPPRESS_FOR_ALL};
	case CLASS_INACTIVE_MAILBOX:
		return (struct policy){90 * DAY_MS, 3, 30 * DAY_MS, SUPPRESS_FOR_ALL};
	case CLASS_MESSAGE_EXPIRED:
	case CLASS_NO_ANSWER:
	case CLASS_ROUTING_ERRORS:
		return (struct policy){14 * DAY_MS, 10, 30 * DAY_MS, SUPPRESS_FOR_ALL};
	case OUTCOME_COMPLAINT:
		return (struct policy){POLICY_FOREVER, 1, 0, SUPPRESS_FOR_TENANT};
	case OUTCOME_UNSUBSCRIBE:
		return (struct policy){POLICY_FOREVER, 1, 0, SUPPRESS_FOR_STREAM};
	default:
		return never;
	}
}

/* ---- names ---- */

#define NAME_MAX_BYTES 40

const char *outcome_name(unsigned outcome)
{
	static const char *const names[] = {
		[CLASS_BAD_CONFIGURATION] = "bad_configuration",
		[CLASS_BAD_CONNECTION] = "bad_connection",
		[CLASS_BAD_DOMAIN] = "bad_domain",
		[CLASS_BAD_MAILBOX] = "bad_mailbox",
		[CLASS_CONTENT_RELATED] = "content_related",
		[CLASS_INACTIVE_MAILBOX] = "inactive_mailbox",
		[CLASS_INVALID_SENDER] = "invalid_sender",
		[CLASS_MESSAGE_EXPIRED] = "message_expired",
		[CLASS_NO_ANSWER] = "no_answer_from_host",
		[CLASS_OTHER] = "other",
		[CLASS_POLICY_RELATED] = "policy_related",
		[CLASS_PROTOCOL_ERRORS] = "protocol_errors",
		[CLASS_QUOTA_ISSUES] = "quota_issues",
		[CLASS_RELAYING_ISSUES] = "relaying_issues",
		[CLASS_ROUTING_ERRORS] = "routing_errors",
		[CLASS_SPAM_RELATED] = "spam_related",
		[CLASS_VIRUS_RELATED] = "virus_related",
		[OUTCOME_COMPLAINT] = "complaint",
		[OUTCOME_UNSUBSCRIBE] = "unsubscribe",
	};
	return outcome < OUTCOME_COUNT ? names[outcome] : "unknown";
}

unsigned outcome_of_name(struct bytes name)
{
	char plain[NAME_MAX_BYTES];
	if (!bytes_to_cstr(name, plain, sizeof plain))
		return OUTCOME_COUNT;
	for (char *at = plain; *at; at++)
		if (*at == '-')
			*at = '_';
	unsigned outcome = 0;
	while (outcome < OUTCOME_COUNT && strcmp(outcome_name(outcome), plain) != 0)
		outcome++;
	return outcome;
}

unsigned outcome_of_verdict(const struct bounce_verdict *verdict)
{
	bool is_of_gone = bounce_class_family(verdict->class) == FAMILY_HARD;
	return is_of_gone && verdict->family != FAMILY_HARD ? CLASS_OTHER : verdict->class;
}

/* ---- settings ---- */

static bool parse_suppress(const char *text, int64_t *ret_ms)
{
	if (strcmp(text, "forever") == 0)
		*ret_ms = POLICY_FOREVER;
	else if (strcmp(text, "never") == 0)
		*ret_ms = POLICY_NEVER;
	else
		return units_parse_duration(text, ret_ms) && *ret_ms >= 0;
	return true;
}

static void check_policy(struct conf *conf, const void *section, const char *path)
{
	const struct policy_settings *settings = section;
	int64_t suppress_ms;
	if (outcome_of_name(bytes_of(settings->name)) == OUTCOME_COUNT)
		conf_fault(conf, path,
			   "expected a class of bounces as `leveret bounce classify` tells them, "
			   "complaint or unsubscribe");
	if (settings->suppress[0] && !parse_suppress(settings->suppress, &suppress_ms))
		conf_fault(conf, path,
			   "suppress \"%s\": expected forever, never or a duration as 30d",
			   settings->suppress);
}

static const struct conf_field policy_fields[] = {
#define X(...) CONF_ROW(struct policy_settings, __VA_ARGS__)
#include "bouncer/suppressions/policy.def"
#undef X
};
const struct conf_section policies_section = {
	.name = "policies",
	.help = "By the name of a class of bounces, complaint or unsubscribe: when an address is "
		"suppressed, and for how long "
		"(docs/suppressions.md has what is shipped).",
	.shape = CONF_MAP,
	.size = sizeof(struct policy_settings),
	.fields = policy_fields,
	.field_count = CONF_COUNT(policy_fields),
	.check = check_policy,
	.always = "bad_mailbox", /* as shipped, where it gives nothing */
};

static const struct conf_field safety_fields[] = {
#define X(...) CONF_ROW(struct safety_settings, __VA_ARGS__)
#include "bouncer/suppressions/safety.def"
#undef X
};
const struct conf_section safety_section = {
	.name = "safety",
	.help = "Against a provider that bounces good addresses for an hour.",
	.shape = CONF_ONE,
	.size = sizeof(struct safety_settings),
	.fields = safety_fields,
	.field_count = CONF_COUNT(safety_fields),
};

static void apply(struct policy *policy, const struct policy_settings *settings)
{
	if (settings->suppress[0])
		(void)parse_suppress(settings->suppress, &policy->suppress_ms);
	if (settings->after > 0)
		policy->after = (unsigned)settings->after;
	if (settings->within > 0)
		policy->within_ms = settings->within;
	if (settings->scope > 0)
		policy->scope = (enum policy_scope)(settings->scope - SCOPE_ROW);
	if (policy->after > 1 && policy->within_ms == 0)
		policy->within_ms = 30 * DAY_MS;
}

void policies_init(struct policies *policies, const struct conf_items *settings)
{
	policies->longest_within_ms = 0;
	for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++)
		policies->of[outcome] = shipped(outcome);
	for (size_t i = 0; i < settings->count; i++) {
		const struct policy_settings *one = CONF_ITEM(settings, struct policy_settings, i);
		apply(&policies->of[outcome_of_name(bytes_of(one->name))], one);
	}
	for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
		const struct policy *policy = &policies->of[outcome];
		if (policy_counts(policy) && policy->within_ms > policies->longest_within_ms)
			policies->longest_within_ms = policy->within_ms;
	}
}

/* ---- deciding ---- */

bool policy_counts(const struct policy *policy)
{
	return policy->suppress_ms != POLICY_NEVER && policy->after > 1;
}

struct policy_decision policy_decide(const struct policy *policy, unsigned count,
				     int64_t at_wall_ms)
{
	if (policy->suppress_ms == POLICY_NEVER || count < policy->after)
		return (struct policy_decision){.must_suppress = false};
	return (struct policy_decision){
		.must_suppress = true,
		.expires_wall_ms = policy->suppress_ms == POLICY_FOREVER
					   ? 0
					   : at_wall_ms + policy->suppress_ms,
	};
}
