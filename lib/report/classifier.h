/* Which class of bounce a reply is. Rules are asked in order, an operator's own before those shipped in configs/bounces/; the first
 * that fits decides. A reply costs time by its length alone: its text is looked at once, for all phrases of all rules together.
 *
 * Suppressing an address that is good harms more than one more bounce, so doubt is never hard: a temporary code, a reply to the
 * content that only says the mailbox is unknown. */
#ifndef LEVERET_LIB_REPORT_CLASSIFIER_H
#define LEVERET_LIB_REPORT_CLASSIFIER_H

#include <stdio.h>

#include "lib/base/err.h"
#include "lib/mail/reply.h"
#include "lib/report/class.h"
#include "lib/report/report.h"

struct reply_facts { /* whatever is known; the rest is zero */
	unsigned code;
	struct enhanced_code enhanced;
	enum reply_step step;
	struct bytes
		text; /* the reply, as it was told; codes in it are found when none are given above */
	struct bytes
		more; /* what stands around it in a report: asked when the text alone says little */
	struct bytes host; /* remote host's name */
};

/* What a report tells of one recipient, as facts to ask with. */
struct reply_facts report_facts(const struct report_recipient *recipient);

struct bounce_verdict {
	enum bounce_class class;
	enum bounce_family family;
	const char *rule;    /* lives as long as the classifier; "none" when no rule fits */
	unsigned confidence; /* percent */
	unsigned code;	     /* as given or found */
	struct enhanced_code enhanced;
};

struct classifier;
/* user_file: a rules file of the operator's, or NULL. E_MALFORMED, E_NOT_FOUND: its faults were printed on `faults` (NULL: not). */
enum err classifier_new(const char *user_file, FILE *faults, struct classifier **ret,
			struct why *why) MUST_USE;
void classifier_free(struct classifier **classifier);
/* Its rules in the order in which they are asked. */
size_t classifier_rule_count(const struct classifier *classifier);
struct rule_summary { /* lives as long as the classifier */
	const char *id;
	enum bounce_class class;
	enum bounce_family family;
	unsigned confidence; /* percent */
	bool is_own;	     /* the operator's */
};
struct rule_summary classifier_rule(const struct classifier *classifier, size_t index);
/* Any thread, any number at once; allocates nothing. */
void classifier_ask(const struct classifier *classifier, const struct reply_facts *facts,
		    struct bounce_verdict *ret);

#endif
