/* leveret bounce: which class of bounce a reply is. */
#include <stdio.h>
#include <string.h>

#include "leveret/verbs.h"
#include "lib/report/classifier.h"

#define LINE_MAX_BYTES 8192

static void print_verdict(const struct bounce_verdict *verdict, bool as_json)
{
	char enhanced[16];
	enhanced_code_text(verdict->enhanced, enhanced);
	if (as_json)
		(void)printf("{\"class\":\"%s\",\"family\":\"%s\",\"hard\":%s,\"rule\":\"%s\","
			     "\"confidence\":%u,\"code\":%u,\"status\":\"%s\",\"sparkpost\":%u,"
			     "\"kumomta\":\"%s\"}\n",
			     bounce_class_name(verdict->class), bounce_family_name(verdict->family),
			     verdict->family == FAMILY_HARD ? "true" : "false", verdict->rule,
			     verdict->confidence, verdict->code, enhanced,
			     bounce_class_sparkpost(verdict->class),
			     bounce_class_kumomta(verdict->class));
	else
		(void)printf("%s\t%s\t%s\t%u%%\n", bounce_class_name(verdict->class),
			     bounce_family_name(verdict->family), verdict->rule,
			     verdict->confidence);
}

static void classify(const struct classifier *classifier, const struct options *options,
		     const char *text)
{
	struct bounce_verdict verdict;
	struct reply_facts facts = {
		.text = bytes_of(text),
		.step = reply_step_of(bytes_of(options_value(options, "step", ""))),
		.host = bytes_of(options_value(options, "host", "")),
	};
	classifier_ask(classifier, &facts, &verdict);
	print_verdict(&verdict, options_has(options, "json"));
}

static void classify_lines(const struct classifier *classifier, const struct options *options)
{
	char line[LINE_MAX_BYTES];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		classify(classifier, options, line);
	}
}

/* By --rules and the built-in ones. NULL: told on standard error. */
static struct classifier *classifier_of(const struct options *options)
{
	struct classifier *classifier = NULL;
	struct why why = {""};
	if (classifier_new(options_value(options, "rules", NULL), stderr, &classifier, &why) != OK)
		(void)fprintf(stderr, "leveret: %s\n", why.text);
	return classifier;
}

static int run_classify(const struct options *options)
{
	struct classifier *classifier = classifier_of(options);
	if (!classifier)
		return EXIT_FAILED;
	if (options->argument_count > 0)
		classify(classifier, options, options->arguments[0]);
	else
		classify_lines(classifier, options);
	classifier_free(&classifier);
	return EXIT_DONE;
}

static const struct option_row rows[] = {
	{"rules", 'r', "FILE", "rules of your own, asked before the built-in ones"},
	{"step", 's', "STEP", "what the reply answers: connect, helo, mail, rcpt or data"},
	{"host", 0, "NAME", "the host that gave the reply"},
};

const struct verb verb_bounce_classify = {
	.name = "bounce classify",
	.synopsis = "[REPLY]",
	.argument_max = 1,
	.summary = "which class of bounce a reply is",
	.text = "Prints class, what it says of the address (hard, soft, block, undetermined), the "
		"rule that decided and how sure it is,\n"
		"for REPLY, or for each line of standard input.\n\n"
		"  leveret bounce classify \"550 5.1.1 <a@b.example>: user unknown\"",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run_classify,
};

/* ---- rules ---- */

static void print_rule(struct rule_summary rule, bool as_json)
{
	if (as_json)
		(void)printf("{\"rule\":\"%s\",\"class\":\"%s\",\"family\":\"%s\","
			     "\"confidence\":%u,\"own\":%s}\n",
			     rule.id, bounce_class_name(rule.class),
			     bounce_family_name(rule.family), rule.confidence,
			     rule.is_own ? "true" : "false");
	else
		(void)printf("%s\t%s\t%s\t%u%%\t%s\n", rule.id, bounce_class_name(rule.class),
			     bounce_family_name(rule.family), rule.confidence,
			     rule.is_own ? "own" : "shipped");
}

static int run_rules(const struct options *options)
{
	struct classifier *classifier = classifier_of(options);
	if (!classifier)
		return EXIT_FAILED;
	for (size_t i = 0; i < classifier_rule_count(classifier); i++)
		print_rule(classifier_rule(classifier, i), options_has(options, "json"));
	classifier_free(&classifier);
	return EXIT_DONE;
}

const struct verb verb_bounce_rules = {
	.name = "bounce rules",
	.synopsis = "",
	.summary = "the rules of classification, in the order in which they are asked",
	.text = "One line per rule: name, class, what it says of the address, how sure it is, and "
		"whose it is. "
		"The first that fits decides.",
	.rows = rows,
	.row_count = 1,
	.run = run_rules,
};
