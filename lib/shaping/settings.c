/* The tables of rules, and what their rows cannot check. */
#include "lib/shaping/settings.h"

#include <string.h>

#include "lib/match/match.h"
#include "lib/shaping/action.h"

static const struct conf_field when_fields[] = {
#define X(...) CONF_ROW(struct shaping_when, __VA_ARGS__)
#include "lib/shaping/when.def"
#undef X
};
static const struct conf_field then_fields[] = {
#define X(kind, scope, ...) CONF_ROW(struct shaping_then, __VA_ARGS__)
#include "lib/shaping/then.def"
#undef X
	/* The word is C's own. */
	{"for", CONF_duration, offsetof(struct shaping_then, period), "10m", "1s", "30d", CONF_LIVE,
	 CONF_PLAIN, "how long it stays so"},
	CONF_ROW(struct shaping_then, after, number, "1", "1", "100", LIVE, PLAIN,
		 "replies that must fit before anything is done")
		CONF_ROW(struct shaping_then, within, duration, "10m", "1s", "1d", LIVE, PLAIN,
			 "time in which so many must fit")};
static const struct conf_field rule_fields[] = {
#define X(...) CONF_ROW(struct shaping_rule_settings, __VA_ARGS__)
#include "lib/shaping/rule.def"
#undef X
};
static const struct conf_field shaping_fields[] = {
#define X(...) CONF_ROW(struct shaping_settings, __VA_ARGS__)
#include "lib/shaping/shaping.def"
#undef X
};
static const struct conf_field provider_fields[] = {
#define X(...) CONF_ROW(struct shaping_provider, __VA_ARGS__)
#include "lib/shaping/provider.def"
#undef X
};

/* ---- checks ---- */

bool shaping_is_step(const char *text)
{
	static const char *const steps[] = {"connect", "greeting", "ehlo", "starttls", "auth",
					    "mail",    "rcpt",	   "data", "bdat",     "body",
					    "rset",    "quit",	   "dns"};
	for (size_t i = 0; i < CONF_COUNT(steps); i++)
		if (strcmp(text, steps[i]) == 0)
			return true;
	return false;
}

/* "550", "55x", "5xx" */
static bool is_code_pattern(const char *text)
{
	if (strcmp(text, "none") == 0)
		return true;
	return strlen(text) == 3 && text[0] >= '2' && text[0] <= '5' &&
	       strspn(text + 1, "0123456789x") == 2;
}

/* Three numbers of up to three digits, or stars. */
static bool is_enhanced_pattern(const char *text)
{
	if (strcmp(text, "none") == 0)
		return true;
	for (int part = 0; part < 3; part++) {
		size_t len = text[0] == '*' ? 1 : strspn(text, "0123456789");
		if (len == 0 || len > 3 || text[len] != (part < 2 ? '.' : '\0'))
			return false;
		text += len + 1;
	}
	return true;
}

static void check_words(struct conf *conf, const char *path, const struct conf_text_list *words,
			bool (*is_good)(const char *text), const char *expected)
{
	for (size_t i = 0; i < words->count; i++)
		if (!is_good(words->items[i]))
			conf_fault(conf, path, "expected %s, not \"%.60s\"", expected,
				   words->items[i]);
}

static void check_when(struct conf *conf, const struct shaping_when *when, const char *path)
{
	struct why why = {""};
	check_words(conf, path, &when->step, shaping_is_step,
		    "a step such as connect, mail or rcpt");
	check_words(conf, path, &when->code, is_code_pattern, "a code such as 421, 4xx or none");
	check_words(conf, path, &when->enhanced, is_enhanced_pattern,
		    "an enhanced code such as 4.7.1, 4.7.* or none");
	if (when->text[0] && match_check(when->text, &why) != OK)
		conf_fault(conf, path, "the pattern %.100s: %s", when->text, why.text);
	bool has_reply =
		when->text[0] || when->step.count + when->code.count + when->enhanced.count > 0;
	if (when->alert[0] && has_reply)
		conf_fault(conf, path, "an alert and a reply: choose one");
	if (!when->alert[0] && !has_reply)
		conf_fault(conf, path, "a rule that every reply fits");
}

/* An alert is of no one delivery, and of no host. */
static void check_alert_rule(struct conf *conf, const struct shaping_then *then, const char *path)
{
	if (then->after > 1)
		conf_fault(conf, path, "`after` counts replies: not with an alert");
	for (int i = 0; i < SHAPING_ACTION_COUNT; i++) {
		enum shaping_action action = (enum shaping_action)i;
		enum shaping_scope scope = shaping_action_scope(action);
		if ((scope == SCOPE_DELIVERY || scope == SCOPE_HOST) &&
		    shaping_action_is_asked(then, action))
			conf_fault(conf, path, "%s needs a reply, and an alert is none",
				   shaping_action_name(action));
	}
}

static void check_rule(struct conf *conf, const void *section, const char *path)
{
	const struct shaping_rule_settings *rule = section;
	unsigned actions = 0;
	check_when(conf, &rule->when, path);
	for (int action = 0; action < SHAPING_ACTION_COUNT; action++)
		actions += shaping_action_is_asked(&rule->then, (enum shaping_action)action);
	if (rule->when.alert[0])
		check_alert_rule(conf, &rule->then, path);
	if (rule->then.bounce && rule->then.retry_after)
		conf_fault(conf, path, "bounce and retry_after: choose one");
	if (actions == 0 && !rule->last)
		conf_fault(conf, path,
			   "a rule that does nothing: give it a `then`, or `last: yes`");
}

/* ---- sections ---- */

static const struct conf_section when_section = {
	.name = "when",
	.help = "what a reply must be",
	.size = sizeof(struct shaping_when),
	.fields = when_fields,
	.field_count = CONF_COUNT(when_fields),
};
static const struct conf_section then_section = {
	.name = "then",
	.help = "what follows",
	.size = sizeof(struct shaping_then),
	.fields = then_fields,
	.field_count = CONF_COUNT(then_fields),
};
static const struct conf_child rule_children[] = {
	{&when_section, offsetof(struct shaping_rule_settings, when)},
	{&then_section, offsetof(struct shaping_rule_settings, then)},
};
/* A list of rules, whoever has it. */
#define RULE_LIST                                                                                  \
	.shape = CONF_LIST, .size = sizeof(struct shaping_rule_settings), .fields = rule_fields,   \
	.field_count = CONF_COUNT(rule_fields), .children = rule_children,                         \
	.child_count = CONF_COUNT(rule_children), .check = check_rule
const struct conf_section shaping_replies_section = {
	.name = "replies",
	.help = "What follows from a site's replies (docs/shaping.md). Those of `default` are "
		"asked for "
		"every site, behind its own.",
	RULE_LIST,
};
static const struct conf_section rules_section = {
	.name = "rules",
	.help = "what follows from the provider's replies",
	RULE_LIST,
};
static const struct conf_child provider_children[] = {
	{&rules_section, offsetof(struct shaping_provider, rules)}};

const struct conf_section shaping_provider_section = {
	.name = "provider",
	.help = "shaping rules of a provider",
	.size = sizeof(struct shaping_provider),
	.fields = provider_fields,
	.field_count = CONF_COUNT(provider_fields),
	.children = provider_children,
	.child_count = CONF_COUNT(provider_children),
};
const struct conf_section shaping_section = {
	.name = "shaping",
	.help = "How replies of remote hosts shape what is sent to them.",
	.size = sizeof(struct shaping_settings),
	.fields = shaping_fields,
	.field_count = CONF_COUNT(shaping_fields),
};
