/* Settings become groups of rules; a pattern that several rules have is looked for once. */
#include "lib/shaping/rules.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/shaping/inner.h"

#define DEFAULT_SITE "default"

struct building {
	struct shaping_rules *rules;
	const struct shaping_settings *settings;
	const char **patterns;
	size_t pattern_count;
	struct why *why;
};

/* ---- one rule ---- */

static uint16_t enhanced_number(const char **text)
{
	uint16_t number = **text == '*' ? NUMBER_ANY : 0;
	for (; **text && **text != '.'; (*text)++)
		if (number != NUMBER_ANY)
			number = (uint16_t)(number * 10 + (**text - '0'));
	*text += **text == '.';
	return number;
}

static struct enhanced_pattern enhanced_pattern(const char *text)
{
	struct enhanced_pattern pattern = {{0, 0, 0}};
	if (strcmp(text, "none") == 0)
		return pattern;
	for (size_t i = 0; i < 3; i++)
		pattern.numbers[i] = enhanced_number(&text);
	return pattern;
}

static size_t pattern_number(struct building *building, const char *text)
{
	if (!text[0])
		return PATTERN_NONE;
	for (size_t i = 0; i < building->pattern_count; i++)
		if (strcmp(building->patterns[i], text) == 0)
			return i;
	building->patterns =
		memory_grow(building->patterns, building->pattern_count + 1, sizeof(const char *));
	building->patterns[building->pattern_count] = text;
	return building->pattern_count++;
}

static void add_rule(struct building *building, const struct shaping_rule_settings *settings,
		     const char *name)
{
	struct shaping_rules *rules = building->rules;
	const struct conf_text_list *enhanced = &settings->when.enhanced;
	struct compiled_rule compiled = {
		.settings = settings,
		.name = name,
		.pattern = pattern_number(building, settings->when.text),
		.enhanced = arena_zalloc(rules->arena, enhanced->count,
					 sizeof(struct enhanced_pattern)),
	};
	for (size_t i = 0; i < enhanced->count; i++)
		compiled.enhanced[i] = enhanced_pattern(enhanced->items[i]);
	rules->rules =
		memory_grow(rules->rules, rules->rule_count + 1, sizeof(struct compiled_rule));
	rules->rules[rules->rule_count++] = compiled;
}

/* ---- groups ---- */

static bool is_off(const struct shaping_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->off.count; i++)
		if (strcmp(settings->off.items[i], name) == 0)
			return true;
	return false;
}

static void add_group(struct building *building, struct rule_group group,
		      const struct conf_items *items, const char *owner)
{
	struct shaping_rules *rules = building->rules;
	group.first = rules->rule_count;
	for (size_t i = 0; i < items->count; i++) {
		const struct shaping_rule_settings *settings =
			CONF_ITEM(items, struct shaping_rule_settings, i);
		const char *name = settings->name;
		if (!name[0])
			name = arena_printf(rules->arena, "%s-%zu", owner, i + 1);
		if (!group.provider || !is_off(building->settings, name))
			add_rule(building, settings, name);
	}
	group.count = rules->rule_count - group.first;
	if (group.count == 0)
		return;
	rules->groups =
		memory_grow(rules->groups, rules->group_count + 1, sizeof(struct rule_group));
	rules->groups[rules->group_count++] = group;
}

/* Those of `default` behind those of all others. */
static void add_sites(struct building *building, const struct shaping_site *sites, size_t count)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < count; i++) {
			bool is_default = strcmp(sites[i].name, DEFAULT_SITE) == 0;
			if (is_default != (pass == 1))
				continue;
			add_group(building,
				  (struct rule_group){.site = is_default ? NULL : sites[i].name},
				  sites[i].replies, sites[i].name);
		}
}

static enum err load_files(struct shaping_rules *rules, FILE *faults, struct why *why)
{
	rules->confs = memory_array(shaping_file_count, sizeof(struct conf *));
	for (size_t i = 0; i < shaping_file_count; i++) {
		struct conf *conf = NULL;
		enum err err =
			conf_load_text(shaping_files[i].text, &shaping_provider_section, &conf);
		rules->confs[rules->conf_count++] = conf;
		if (err == OK)
			continue;
		if (faults)
			conf_print_faults(conf, faults, false);
		return fail(why, err, "%s: no good rules", shaping_files[i].file);
	}
	return OK;
}

static bool is_general(const struct shaping_provider *provider)
{
	return provider->hosts.count + provider->sites.count == 0;
}

/* Those for everybody behind those of providers. */
static void add_files(struct building *building)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < building->rules->conf_count; i++) {
			const struct shaping_provider *provider =
				conf_root(building->rules->confs[i]);
			if (is_general(provider) == (pass == 1))
				add_group(building, (struct rule_group){.provider = provider},
					  &provider->rules, provider->provider);
		}
}

/* ---- all ---- */

static const char *rule_with_pattern(const struct shaping_rules *rules, size_t pattern)
{
	for (size_t i = 0; i < rules->rule_count; i++)
		if (rules->rules[i].pattern == pattern)
			return rules->rules[i].name;
	return "";
}

static enum err compile_patterns(struct building *building)
{
	size_t bad = 0;
	struct why detail = {""};
	enum err err = match_set_new(building->patterns, building->pattern_count,
				     &building->rules->patterns, &bad, &detail);
	if (err == OK)
		return OK;
	return fail(building->why, err, "rule %s: %s", rule_with_pattern(building->rules, bad),
		    detail.text);
}

enum err shaping_rules_new(const struct shaping_settings *settings,
			   const struct shaping_site *sites, size_t site_count,
			   struct shaping_rules **ret, FILE *faults, struct why *why)
{
	struct shaping_rules *rules = memory_new(sizeof *rules);
	struct building building = {.rules = rules, .settings = settings, .why = why};
	rules->arena = arena_new();
	add_sites(&building, sites, site_count);
	enum err err = settings->shipped ? load_files(rules, faults, why) : OK;
	if (err == OK) {
		add_files(&building);
		err = compile_patterns(&building);
	}
	free(building.patterns);
	if (err == OK)
		*ret = rules;
	else
		shaping_rules_free(&rules);
	return err;
}

void shaping_rules_free(struct shaping_rules **rules)
{
	struct shaping_rules *gone = *rules;
	*rules = NULL;
	if (!gone)
		return;
	for (size_t i = 0; i < gone->conf_count; i++)
		conf_free(&gone->confs[i]);
	free(gone->confs);
	match_set_free(&gone->patterns);
	arena_free(&gone->arena);
	free(gone->groups);
	free(gone->rules);
	free(gone);
}

bool shaping_rules_has(const struct shaping_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->rule_count; i++)
		if (strcmp(rules->rules[i].name, name) == 0)
			return true;
	return false;
}

bool shaping_rules_know(const struct shaping_rules *rules, const char *name)
{
	return strncmp(name, SHAPING_ALERT, strlen(SHAPING_ALERT)) == 0 ||
	       shaping_rules_has(rules, name);
}

size_t shaping_rules_count(const struct shaping_rules *rules)
{
	return rules->rule_count;
}
