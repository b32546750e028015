/* The table of a rule, and what one row cannot check. */
#include "lib/report/rules.h"

#include <string.h>

#define WORD(name, text, ...) "|" text
#define BOUNCE_CLASS_WORDS    (&("" BOUNCE_CLASSES(WORD))[1])

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct rule, __VA_ARGS__)
#include "lib/report/rule.def"
#undef X
};

/* "550", "55x", "5xx" */
static bool is_code_pattern(const char *text)
{
	if (strlen(text) != 3 || text[0] < '2' || text[0] > '5')
		return false;
	return strspn(text + 1, "0123456789x") == 2;
}

static bool is_enhanced_pattern(const char *text)
{
	return strcmp(text, "none") == 0 ||
	       (strlen(text) >= 5 && strspn(text, "0123456789.*") == strlen(text));
}

static void check_rule(struct conf *conf, const void *section, const char *path)
{
	const struct rule *rule = section;
	for (size_t i = 0; i < rule->code.count; i++)
		if (!is_code_pattern(rule->code.items[i]))
			conf_fault(conf, path, "code \"%s\": expected as \"550\" or \"5xx\"",
				   rule->code.items[i]);
	for (size_t i = 0; i < rule->enhanced.count; i++)
		if (!is_enhanced_pattern(rule->enhanced.items[i]))
			conf_fault(conf, path,
				   "enhanced \"%s\": expected as \"5.1.1\", \"5.1.*\" or \"none\"",
				   rule->enhanced.items[i]);
	if (rule->any.count + rule->all.count + rule->code.count + rule->enhanced.count +
		    rule->host.count ==
	    0)
		conf_fault(conf, path, "a rule that fits everything");
}

static const struct conf_section rules_section = {
	.name = "rules",
	.help = "rules of classification; the first that fits decides",
	.shape = CONF_LIST,
	.size = sizeof(struct rule),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check_rule,
};
static const struct conf_child children[] = {{&rules_section, offsetof(struct rule_file, rules)}};

const struct conf_section rule_file_section = {
	.name = "bounces",
	.help = "rules of classification",
	.size = sizeof(struct rule_file),
	.children = children,
	.child_count = 1,
};
