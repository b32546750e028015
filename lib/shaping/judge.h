/* What follows from a reply: a pure function of the rules, the reply, and how often its like came before. */
#ifndef LEVERET_LIB_SHAPING_JUDGE_H
#define LEVERET_LIB_SHAPING_JUDGE_H

#include "lib/shaping/rules.h"

/* Replies that were counted towards the `after` of rules: one per (source, site), by whoever judges its replies. Bounded: at most 64
 * counters, the longest unused makes room. Survives new rules, as long as their names stay. */
struct shaping_state;
struct shaping_state *shaping_state_new(void);
void shaping_state_free(struct shaping_state **state);

/* Work space: one per thread and rules. */
struct shaping_scratch;
struct shaping_scratch *shaping_scratch_new(const struct shaping_rules *rules);
void shaping_scratch_free(struct shaping_scratch **scratch); /* before the rules */

struct shaping_fired {
	enum shaping_action action;
	const char *rule;  /* its name, borrowed from the rules */
	int64_t value;	   /* as shaping_action_value() */
	const char *text;  /* as shaping_action_text(), borrowed */
	int64_t until_ms;  /* 0: for this delivery only */
	int64_t period_ms; /* the rule's `for` */
	bool is_own;	   /* by a reply that came here, not to another process */
};

/* The actions to be taken, at most one of a kind, in the order of then.def. Of a kind, the first rule that fits is the one: also while
 * it still counts towards its `after`, so that an operator's rule is never overtaken by a built-in one. Returns how many. */
size_t shaping_judge(struct shaping_scratch *scratch, const struct shaping_facts *facts,
		     struct shaping_state *state, struct shaping_fired ret[SHAPING_ACTION_COUNT]);

struct shaping_fit { /* borrowed from the rules */
	const char *rule;
	const struct shaping_rule_settings *settings;
};
/* The rules that the reply fits, in the order they are asked, whatever they count; at most max. Changes nothing. */
size_t shaping_fitting(struct shaping_scratch *scratch, const struct shaping_facts *facts,
		       struct shaping_fit *ret, size_t max);

/* Takes kinds of actions for a rule that fits, as shaping_judge() does: true for those that are its. */
void shaping_claim(const struct shaping_then *then, bool is_claimed[SHAPING_ACTION_COUNT],
		   bool ret_is_taken[SHAPING_ACTION_COUNT]);

#endif
