/* See alerted.h. */
#include "lib/shaping/alerted.h"

#include <string.h>

#include "lib/shaping/force.h"
#include "lib/shaping/inner.h"

const char *shaping_alert_lacks(enum shaping_action action, const struct shaping_facts *facts)
{
	const bool is_everywhere = strcmp(facts->site, SHAPING_EVERYWHERE) == 0;
	switch (shaping_action_scope(action)) {
	case SCOPE_LINK:
		return facts->source[0] ? NULL : "source";
	case SCOPE_SITE:
		return facts->site[0] && !is_everywhere ? NULL : "site";
	case SCOPE_TENANT:
		return facts->tenant[0] ? NULL : "tenant";
	case SCOPE_CAMPAIGN:
		return facts->campaign[0] ? NULL : "campaign";
	default:
		return "reply";
	}
}

/* Where the rules of this group act; NULL: they do not. */
static const char *place_of(const struct rule_group *group, const struct shaping_facts *facts)
{
	if (group->provider)
		return NULL;
	if (!facts->site[0])
		return group->site ? group->site : SHAPING_EVERYWHERE;
	return !group->site || strcmp(group->site, facts->site) == 0 ? facts->site : NULL;
}

struct walk {
	const struct shaping_facts *facts; /* with the site */
	bool is_claimed[SHAPING_ACTION_COUNT];
	void (*each)(void *owner, const struct shaping_fired *fired,
		     const struct shaping_facts *facts);
	void *owner;
};

static void take_rule(struct walk *walk, const struct compiled_rule *rule)
{
	bool is_taken[SHAPING_ACTION_COUNT];
	struct shaping_fired fired;
	shaping_claim(&rule->settings->then, walk->is_claimed, is_taken);
	for (int i = 0; i < SHAPING_ACTION_COUNT; i++) {
		enum shaping_action action = (enum shaping_action)i;
		if (!is_taken[i] || shaping_alert_lacks(action, walk->facts))
			continue;
		judge_fire(rule, action, walk->facts, &fired);
		walk->each(walk->owner, &fired, walk->facts);
	}
}

static bool is_named(const struct compiled_rule *rule, const char *alert)
{
	return strcmp(rule->settings->when.alert, alert) == 0;
}

/* True when a rule wants to be the last. */
static bool take_group(struct walk *walk, const struct shaping_rules *rules,
		       const struct rule_group *group, const char *alert)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct compiled_rule *rule = &rules->rules[group->first + i];
		if (!is_named(rule, alert))
			continue;
		take_rule(walk, rule);
		if (rule->settings->last)
			return true;
	}
	return false;
}

void shaping_alerted(const struct shaping_rules *rules, const char *alert,
		     const struct shaping_facts *facts,
		     void (*each)(void *owner, const struct shaping_fired *fired,
				  const struct shaping_facts *facts),
		     void *owner)
{
	const bool has_site = facts->site[0];
	struct shaping_facts there = *facts;
	struct walk walk = {.facts = &there, .each = each, .owner = owner};
	for (size_t i = 0; i < rules->group_count; i++) {
		there.site = place_of(&rules->groups[i], facts);
		if (!has_site)
			memset(walk.is_claimed, 0, sizeof walk.is_claimed);
		if (there.site && take_group(&walk, rules, &rules->groups[i], alert) && has_site)
			return;
	}
}

int64_t shaping_alert_period_ms(const struct shaping_rules *rules, const char *alert)
{
	int64_t longest = 0;
	for (size_t i = 0; i < rules->rule_count; i++) {
		const struct shaping_rule_settings *settings = rules->rules[i].settings;
		if (is_named(&rules->rules[i], alert) && settings->then.period > longest)
			longest = settings->then.period;
	}
	return longest;
}
