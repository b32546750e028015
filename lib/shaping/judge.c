/* The text is held against all patterns at once; then the rules are gone through in order. */
#include "lib/shaping/judge.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/shaping/inner.h"
#include "lib/shaping/window.h"

#define TEXT_MAX 1200 /* of a reply with its codes; what is longer is cut */

struct shaping_scratch {
	const struct shaping_rules *rules;
	struct match_scratch *match;
	size_t *ids;
	bool *is_found; /* of each pattern */
	size_t pattern_count;
};

struct shaping_scratch *shaping_scratch_new(const struct shaping_rules *rules)
{
	struct shaping_scratch *scratch = memory_new(sizeof *scratch);
	for (size_t i = 0; i < rules->rule_count; i++)
		if (rules->rules[i].pattern != PATTERN_NONE &&
		    rules->rules[i].pattern >= scratch->pattern_count)
			scratch->pattern_count = rules->rules[i].pattern + 1;
	scratch->rules = rules;
	scratch->match = match_scratch_new(rules->patterns);
	scratch->ids = memory_array(scratch->pattern_count, sizeof(size_t));
	scratch->is_found = memory_array(scratch->pattern_count, sizeof(bool));
	return scratch;
}

void shaping_scratch_free(struct shaping_scratch **scratch)
{
	struct shaping_scratch *gone = *scratch;
	*scratch = NULL;
	if (!gone)
		return;
	match_scratch_free(&gone->match);
	free(gone->ids);
	free(gone->is_found);
	free(gone);
}

/* ---- does a rule fit? ---- */

static bool has_enhanced(const struct shaping_facts *facts)
{
	return facts->enhanced[0] != 0;
}

/* "421 4.7.0 try again later", as patterns see it. */
static size_t write_text(const struct shaping_facts *facts, char out[TEXT_MAX])
{
	int len = 0;
	if (facts->code)
		len = snprintf(out, TEXT_MAX, "%03u ", facts->code % 1000);
	if (has_enhanced(facts))
		len += snprintf(out + len, TEXT_MAX - (size_t)len, "%u.%u.%u ", facts->enhanced[0],
				facts->enhanced[1], facts->enhanced[2]);
	struct bytes text = bytes_first(facts->text, TEXT_MAX - (size_t)len);
	for (size_t i = 0; i < text.len; i++)
		out[(size_t)len + i] = (char)(text.data[i] == '\n' ? ' ' : text.data[i]);
	return (size_t)len + text.len;
}

static void look_for_patterns(struct shaping_scratch *scratch, const struct shaping_facts *facts)
{
	char text[TEXT_MAX];
	struct bytes all = bytes_from(text, write_text(facts, text));
	memset(scratch->is_found, 0, scratch->pattern_count * sizeof(bool));
	size_t found = match_all(scratch->match, all, scratch->ids, scratch->pattern_count);
	for (size_t i = 0; i < found; i++)
		scratch->is_found[scratch->ids[i]] = true;
}

static bool step_fits(const struct conf_text_list *steps, const char *step)
{
	for (size_t i = 0; i < steps->count; i++)
		if (strcmp(steps->items[i], step) == 0)
			return true;
	return steps->count == 0;
}

static bool code_fits(const struct conf_text_list *codes, unsigned code)
{
	char text[8] = "none";
	if (code)
		(void)snprintf(text, sizeof text, "%03u", code % 1000);
	for (size_t i = 0; i < codes->count; i++) {
		const char *pattern = codes->items[i];
		size_t same = 0;
		while (pattern[same] &&
		       (pattern[same] == text[same] || (code && pattern[same] == 'x')))
			same++;
		if (pattern[same] == text[same])
			return true;
	}
	return codes->count == 0;
}

static bool enhanced_fits(const struct compiled_rule *rule, const struct shaping_facts *facts)
{
	size_t count = rule->settings->when.enhanced.count;
	for (size_t i = 0; i < count; i++) {
		const uint16_t *numbers = rule->enhanced[i].numbers;
		bool wants_none = numbers[0] == 0;
		bool is_same = wants_none != has_enhanced(facts);
		for (size_t k = 0; k < 3 && !wants_none; k++)
			is_same = is_same &&
				  (numbers[k] == NUMBER_ANY || numbers[k] == facts->enhanced[k]);
		if (is_same)
			return true;
	}
	return count == 0;
}

static bool rule_fits(const struct shaping_scratch *scratch, const struct compiled_rule *rule,
		      const struct shaping_facts *facts)
{
	const struct shaping_when *when = &rule->settings->when;
	return !when->alert[0] &&
	       (rule->pattern == PATTERN_NONE || scratch->is_found[rule->pattern]) &&
	       step_fits(&when->step, facts->step) && code_fits(&when->code, facts->code) &&
	       enhanced_fits(rule, facts);
}

/* ---- is a group asked? ---- */

/* "mx.example.com" is in "example.com". */
static bool host_is_in(const char *host, const char *domain)
{
	size_t host_len = strlen(host), len = strlen(domain);
	while (host_len > 0 && host[host_len - 1] == '.')
		host_len--;
	if (host_len < len)
		return false;
	return bytes_equal_nocase(bytes_from(host + host_len - len, len),
				  bytes_from(domain, len)) &&
	       (host_len == len || host[host_len - len - 1] == '.');
}

static bool is_of_provider(const struct shaping_provider *provider,
			   const struct shaping_facts *facts)
{
	for (size_t i = 0; i < provider->hosts.count; i++)
		if (host_is_in(facts->host, provider->hosts.items[i]))
			return true;
	for (size_t i = 0; i < provider->sites.count; i++)
		if (strcmp(facts->site, provider->sites.items[i]) == 0)
			return true;
	return provider->hosts.count + provider->sites.count == 0;
}

static bool group_is_asked(const struct rule_group *group, const struct shaping_facts *facts)
{
	if (group->site)
		return strcmp(group->site, facts->site) == 0;
	return !group->provider || is_of_provider(group->provider, facts);
}

/* The next rule that fits, from *at on, in the group *group on; NULL: none. */
static const struct compiled_rule *next_fitting(const struct shaping_scratch *scratch,
						const struct shaping_facts *facts, size_t *group,
						size_t *at)
{
	const struct shaping_rules *rules = scratch->rules;
	for (; *group < rules->group_count; (*group)++, *at = 0) {
		const struct rule_group *here = &rules->groups[*group];
		if (!group_is_asked(here, facts))
			continue;
		while (*at < here->count) {
			const struct compiled_rule *rule = &rules->rules[here->first + (*at)++];
			if (!rule_fits(scratch, rule, facts))
				continue;
			if (rule->settings->last)
				*group = rules->group_count;
			return rule;
		}
	}
	return NULL;
}

/* ---- judging ---- */

/* Replies to a tenant's mail do not count towards what is done to another's. */
static uint64_t counter_of(const struct compiled_rule *rule, const struct shaping_facts *facts)
{
	const struct shaping_then *then = &rule->settings->then;
	const char *whom = "", *of = "";
	if (then->suspend_tenant) {
		whom = facts->tenant;
	} else if (then->suspend_campaign) {
		whom = facts->campaign;
		of = facts->tenant;
	} else if (then->skip_mx) {
		whom = facts->host;
	}
	uint64_t hash = hash_bytes(HASH_START, bytes_of(rule->name));
	hash = hash_bytes(hash * 31, bytes_of(whom));
	return hash_bytes(hash * 31, bytes_of(of));
}

static bool is_due(const struct compiled_rule *rule, const struct shaping_facts *facts,
		   struct shaping_state *state)
{
	const struct shaping_then *then = &rule->settings->then;
	if (then->after <= 1)
		return true;
	struct window_limit limit = {.count = (unsigned)then->after, .within_ms = then->within};
	return windows_count(state, counter_of(rule, facts), limit, facts->now_ms);
}

/* A tenant that the message does not have cannot be suspended. */
static bool has_subject(enum shaping_action action, const struct shaping_facts *facts)
{
	switch (shaping_action_scope(action)) {
	case SCOPE_TENANT:
		return facts->tenant[0] != '\0';
	case SCOPE_CAMPAIGN:
		return facts->campaign[0] != '\0';
	case SCOPE_HOST:
		return facts->host[0] != '\0';
	default:
		return true;
	}
}

void judge_fire(const struct compiled_rule *rule, enum shaping_action action,
		const struct shaping_facts *facts, struct shaping_fired *ret)
{
	const struct shaping_then *then = &rule->settings->then;
	bool is_timed = shaping_action_scope(action) != SCOPE_DELIVERY;
	*ret = (struct shaping_fired){
		.action = action,
		.rule = rule->name,
		.value = shaping_action_value(then, action),
		.text = shaping_action_text(then, action),
		.until_ms = is_timed ? facts->now_ms + then->period : 0,
		.period_ms = then->period,
	};
}

/* What becomes of the recipient is one question with two answers. */
/* Two that are one kind: whoever does the one leaves nothing of the other. */
static void claim(bool is_claimed[SHAPING_ACTION_COUNT], enum shaping_action action)
{
	static const enum shaping_action pairs[][2] = {
		{SHAPING_RETRY_AFTER, SHAPING_BOUNCE},
		{SHAPING_SLOW_BY, SHAPING_LEARN_RATE},
		{SHAPING_SLOW_TO, SHAPING_LEARN_RATE},
		{SHAPING_CONNECTIONS_BY, SHAPING_LEARN_CONNECTIONS},
	};
	is_claimed[action] = true;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (pairs[i][0] == action)
			is_claimed[pairs[i][1]] = true;
		if (pairs[i][1] == action)
			is_claimed[pairs[i][0]] = true;
	}
}

void shaping_claim(const struct shaping_then *then, bool is_claimed[SHAPING_ACTION_COUNT],
		   bool ret_is_taken[SHAPING_ACTION_COUNT])
{
	for (int i = 0; i < SHAPING_ACTION_COUNT; i++) {
		enum shaping_action action = (enum shaping_action)i;
		ret_is_taken[i] = !is_claimed[i] && shaping_action_is_asked(then, action);
		if (ret_is_taken[i])
			claim(is_claimed, action);
	}
}

size_t shaping_judge(struct shaping_scratch *scratch, const struct shaping_facts *facts,
		     struct shaping_state *state, struct shaping_fired ret[SHAPING_ACTION_COUNT])
{
	struct shaping_fired fired[SHAPING_ACTION_COUNT];
	bool is_claimed[SHAPING_ACTION_COUNT] = {false}, is_fired[SHAPING_ACTION_COUNT] = {false};
	const struct compiled_rule *rule;
	size_t group = 0, at = 0, count = 0;
	look_for_patterns(scratch, facts);
	while ((rule = next_fitting(scratch, facts, &group, &at))) {
		bool is_taken[SHAPING_ACTION_COUNT];
		bool due = is_due(rule, facts, state);
		shaping_claim(&rule->settings->then, is_claimed, is_taken);
		for (int i = 0; i < SHAPING_ACTION_COUNT; i++) {
			enum shaping_action action = (enum shaping_action)i;
			if (!is_taken[i] || !due || !has_subject(action, facts))
				continue;
			is_fired[i] = true;
			judge_fire(rule, action, facts, &fired[i]);
		}
	}
	for (int i = 0; i < SHAPING_ACTION_COUNT; i++)
		if (is_fired[i])
			ret[count++] = fired[i];
	return count;
}

size_t shaping_fitting(struct shaping_scratch *scratch, const struct shaping_facts *facts,
		       struct shaping_fit *ret, size_t max)
{
	const struct compiled_rule *rule;
	size_t group = 0, at = 0, count = 0;
	look_for_patterns(scratch, facts);
	while (count < max && (rule = next_fitting(scratch, facts, &group, &at)))
		ret[count++] = (struct shaping_fit){rule->name, rule->settings};
	return count;
}
