/* The table of `rules:`, and what its rows cannot check. */
#include <string.h>

#include "ingest/rules.h"
#include "lib/mail/encode.h"

static const struct conf_field when_fields[] = {
#define X(...) CONF_ROW(struct rule_conditions, __VA_ARGS__)
#include "ingest/rule_when.def"
#undef X
};
static const struct conf_field then_fields[] = {
#define X(...) CONF_ROW(struct rule_actions, __VA_ARGS__)
#include "ingest/rule_then.def"
#undef X
};

struct place {
	char path[128];
};

static struct place place_of(const char *path, const char *field)
{
	struct place place;
	(void)snprintf(place.path, sizeof place.path, "%s.%s", path, field);
	return place;
}

static void check_pattern(struct conf *conf, const char *pattern, const char *path,
			  const char *field)
{
	if (!routing_is_pattern(pattern))
		conf_fault(conf, place_of(path, field).path,
			   "expected a domain, *.domain or *, not \"%.60s\"", pattern);
}

static void check_when(struct conf *conf, const void *section, const char *path)
{
	const struct rule_conditions *when = section;
	struct bytes header = bytes_of(when->header);
	ptrdiff_t equals = bytes_find(header, '=');
	struct bytes name = equals < 0 ? header : bytes_first(header, (size_t)equals);
	check_pattern(conf, when->from_domain, path, "from_domain");
	check_pattern(conf, when->to_domain, path, "to_domain");
	if (header.len > 0 && !header_name_is_valid(bytes_trim(name)))
		conf_fault(conf, place_of(path, "header").path,
			   "expected NAME or NAME = PATTERN, not \"%.60s\"", when->header);
}

static void check_rule(struct conf *conf, const void *section, const char *path)
{
	const struct rule_settings *rule = section;
	const struct rule_actions *then = &rule->then;
	bool is_of_message = then->tenant[0] || then->campaign[0] || then->priority != 0 ||
			     then->retry[0] || then->window[0];
	if (rule->when.to_domain[0] && is_of_message)
		conf_fault(conf, place_of(path, "then").path,
			   "with to_domain a rule chooses the pool of a recipient; tenant, "
			   "campaign, priority, retry and window are of the whole message");
	if (!then->pool[0] && !is_of_message)
		conf_warn(conf, path,
			  "decides nothing: mail that it matches is left as it is, by the rules "
			  "behind it too");
}

/* ---- with the other sections ---- */

static bool is_pool(const struct conf_items *pools, const char *name)
{
	for (size_t i = 0; i < pools->count; i++)
		if (strcmp(CONF_ITEM(pools, struct pool_settings, i)->name, name) == 0)
			return true;
	return false;
}

static bool takes_all(const struct rule_conditions *when)
{
	return !when->listener[0] && !when->credential[0] && !when->tenant[0] &&
	       !when->from_domain[0] && !when->to_domain[0] && !when->header[0];
}

void rules_check(struct conf *conf, const struct conf_items *rules, const struct conf_items *pools,
		 bool (*is_listener)(const void *owner, const char *name), const void *owner)
{
	size_t last = SIZE_MAX;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule_settings *rule = CONF_ITEM(rules, struct rule_settings, i);
		char path[64];
		(void)snprintf(path, sizeof path, "rules[%zu]", i);
		if (rule->then.pool[0] && !is_pool(pools, rule->then.pool))
			conf_fault(conf, place_of(path, "then.pool").path,
				   "there is no pool \"%s\"", rule->then.pool);
		if (rule->when.listener[0] && !is_listener(owner, rule->when.listener))
			conf_fault(conf, place_of(path, "when.listener").path,
				   "there is no listener \"%s\"", rule->when.listener);
		if (last != SIZE_MAX)
			conf_warn(conf, path, "is never reached: rules[%zu] takes all mail", last);
		else if (takes_all(&rule->when))
			last = i;
	}
}

static const struct conf_section when_section = {
	.name = "when",
	.help = "Which mail it is for: all conditions that are given must hold.",
	.shape = CONF_ONE,
	.size = sizeof(struct rule_conditions),
	.fields = when_fields,
	.field_count = CONF_COUNT(when_fields),
	.check = check_when,
};
static const struct conf_section then_section = {
	.name = "then",
	.help = "What is decided; what is not given stays as it was.",
	.shape = CONF_ONE,
	.size = sizeof(struct rule_actions),
	.fields = then_fields,
	.field_count = CONF_COUNT(then_fields),
};
static const struct conf_child rule_children[] = {
	{&when_section, offsetof(struct rule_settings, when)},
	{&then_section, offsetof(struct rule_settings, then)},
};
const struct conf_section rules_section = {
	.name = "rules",
	.help = "What the operator decides of each message of every door, above what its sender "
		"asks for. The first rule that matches is taken.",
	.shape = CONF_LIST,
	.size = sizeof(struct rule_settings),
	.children = rule_children,
	.child_count = CONF_COUNT(rule_children),
	.check = check_rule,
};
