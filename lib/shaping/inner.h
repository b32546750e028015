/* What the maker of rules and their judge share. */
#ifndef LEVERET_LIB_SHAPING_INNER_H
#define LEVERET_LIB_SHAPING_INNER_H

#include "lib/match/match.h"
#include "lib/shaping/judge.h"
#include "lib/shaping/rules.h"

#define PATTERN_NONE SIZE_MAX
#define NUMBER_ANY   0xffff

struct enhanced_pattern {
	uint16_t numbers[3]; /* NUMBER_ANY: any; all 0: there is none */
};

struct compiled_rule {
	const struct shaping_rule_settings *settings;
	const char *name;
	size_t pattern; /* in the set; PATTERN_NONE: any text */
	struct enhanced_pattern *enhanced;
};

/* Rules of one owner, one behind the other. */
struct rule_group {
	const char *site;			 /* only for this one; NULL: for all ... */
	const struct shaping_provider *provider; /* ... of this provider; NULL: for all */
	size_t first, count;
};

struct shaping_rules {
	struct arena *arena;
	struct conf **confs; /* of the built-in files */
	size_t conf_count;
	struct rule_group *groups;
	size_t group_count;
	struct compiled_rule *rules;
	size_t rule_count;
	struct match_set *patterns;
};

/* judge.c: the rule does this now. */
void judge_fire(const struct compiled_rule *rule, enum shaping_action action,
		const struct shaping_facts *facts, struct shaping_fired *ret);

#endif
