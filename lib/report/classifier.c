/* Rules become numbers at the start: phrases are bits of one scan, codes are digits with 'x' for any. */
#include "lib/report/classifier.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/report/phrases.h"
#include "lib/report/reply_text.h"
#include "lib/report/rules.h"

#define TEXT_MAX	4096
#define SOURCES_MAX	8
#define SURE_ENOUGH	60 /* percent: then what stands around the reply is not believed more */
#define CERTAIN		95 /* but words that have but one meaning, wherever they stand */
#define ENHANCED_ANY	0xffff
#define FAMILY_OF_CLASS 0 /* in the choice of a rule */

struct phrase_list {
	unsigned *items;
	size_t count;
};

struct enhanced_pattern { /* ENHANCED_ANY: any */
	uint16_t class, subject, detail;
};

struct compiled_rule {
	const struct rule *rule;
	struct phrase_list any, all, none;
	struct enhanced_pattern *enhanced;
	enum bounce_family family;
};

struct classifier {
	struct conf *confs[SOURCES_MAX];
	size_t conf_count;
	struct compiled_rule *rules;
	size_t rule_count, own_count; /* the operator's stand first */
	struct phrases *phrases;
	struct arena *arena;
};

/* ---- building ---- */

static enum err compile_phrases(struct classifier *classifier, const struct conf_text_list *texts,
				struct phrase_list *ret, struct why *why)
{
	ret->items = arena_zalloc(classifier->arena, texts->count, sizeof(unsigned));
	ret->count = texts->count;
	for (size_t i = 0; i < texts->count; i++) {
		enum err err = phrases_add(classifier->phrases, bytes_of(texts->items[i]),
					   &ret->items[i], why);
		if (err != OK)
			return err;
	}
	return OK;
}

static uint16_t enhanced_number(const char **text)
{
	const char *at = *text;
	uint16_t number = 0;
	bool is_any = *at == '*';
	for (; *at && *at != '.'; at++)
		number = (uint16_t)(number * 10 + (*at - '0'));
	*text = *at ? at + 1 : at;
	return is_any ? ENHANCED_ANY : number;
}

static struct enhanced_pattern enhanced_pattern(const char *text)
{
	if (strcmp(text, "none") == 0)
		return (struct enhanced_pattern){0};
	struct enhanced_pattern pattern;
	pattern.class = enhanced_number(&text);
	pattern.subject = enhanced_number(&text);
	pattern.detail = enhanced_number(&text);
	return pattern;
}

static enum err compile_rule(struct classifier *classifier, const struct rule *rule,
			     struct compiled_rule *ret, struct why *why)
{
	*ret = (struct compiled_rule){.rule = rule};
	ret->family = rule->family == FAMILY_OF_CLASS
			      ? bounce_class_family((enum bounce_class)rule->class)
			      : (enum bounce_family)(rule->family - 1);
	enum err err = compile_phrases(classifier, &rule->any, &ret->any, why);
	if (err == OK)
		err = compile_phrases(classifier, &rule->all, &ret->all, why);
	if (err == OK)
		err = compile_phrases(classifier, &rule->none, &ret->none, why);
	ret->enhanced = arena_zalloc(classifier->arena, rule->enhanced.count,
				     sizeof(struct enhanced_pattern));
	for (size_t i = 0; i < rule->enhanced.count; i++)
		ret->enhanced[i] = enhanced_pattern(rule->enhanced.items[i]);
	return err;
}

static enum err add_file(struct classifier *classifier, struct conf *conf, struct why *why)
{
	const struct rule_file *file = conf_root(conf);
	size_t before = classifier->rule_count;
	classifier->confs[classifier->conf_count++] = conf;
	classifier->rule_count += file->rules.count;
	classifier->rules = memory_grow(classifier->rules, classifier->rule_count,
					sizeof(struct compiled_rule));
	for (size_t i = 0; i < file->rules.count; i++) {
		const struct rule *rule = CONF_ITEM(&file->rules, struct rule, i);
		struct why detail = {""};
		enum err err =
			compile_rule(classifier, rule, &classifier->rules[before + i], &detail);
		if (err != OK)
			return fail(why, err, "rule %s: %s", rule->id, detail.text);
	}
	return OK;
}

static enum err load(struct classifier *classifier, const char *user_file, FILE *faults,
		     struct why *why)
{
	struct conf *conf = NULL;
	enum err err = OK;
	if (user_file) {
		err = conf_load(user_file, &rule_file_section, &conf);
		if (err != OK) {
			if (faults)
				conf_print_faults(conf, faults, false);
			conf_free(&conf);
			return fail(why, err, "%s: no good rules", user_file);
		}
		err = add_file(classifier, conf, why);
		classifier->own_count = classifier->rule_count;
	}
	for (size_t i = 0; i < shipped_rules_count && err == OK; i++) {
		err = conf_load_text(shipped_rules[i].text, &rule_file_section, &conf);
		if (err != OK) {
			if (faults)
				conf_print_faults(conf, faults, false);
			conf_free(&conf);
			return fail(why, err, "%s: no good rules", shipped_rules[i].file);
		}
		err = add_file(classifier, conf, why);
	}
	return err == OK ? phrases_compile(classifier->phrases, why) : err;
}

enum err classifier_new(const char *user_file, FILE *faults, struct classifier **ret,
			struct why *why)
{
	struct classifier *classifier = memory_new(sizeof *classifier);
	classifier->phrases = phrases_new();
	classifier->arena = arena_new();
	enum err err = load(classifier, user_file, faults, why);
	if (err == OK)
		*ret = classifier;
	else
		classifier_free(&classifier);
	return err;
}

void classifier_free(struct classifier **classifier)
{
	struct classifier *gone = *classifier;
	*classifier = NULL;
	if (!gone)
		return;
	for (size_t i = 0; i < gone->conf_count; i++)
		conf_free(&gone->confs[i]);
	phrases_free(&gone->phrases);
	arena_free(&gone->arena);
	free(gone->rules);
	free(gone);
}

/* ---- asking ---- */

static bool code_fits(const struct rule *rule, unsigned code)
{
	if (rule->code.count == 0)
		return true;
	char text[4] = {(char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10),
			(char)('0' + code % 10), 0};
	for (size_t i = 0; i < rule->code.count; i++) {
		const char *pattern = rule->code.items[i];
		if (pattern[0] == text[0] && (pattern[1] == 'x' || pattern[1] == text[1]) &&
		    (pattern[2] == 'x' || pattern[2] == text[2]))
			return true;
	}
	return false;
}

static bool number_fits(uint16_t pattern, uint16_t number)
{
	return pattern == ENHANCED_ANY || pattern == number;
}

static bool enhanced_fits(const struct compiled_rule *compiled, struct enhanced_code code)
{
	size_t count = compiled->rule->enhanced.count;
	for (size_t i = 0; i < count; i++) {
		const struct enhanced_pattern *pattern = &compiled->enhanced[i];
		if (pattern->class == 0
			    ? code.class == 0
			    : code.class != 0 && number_fits(pattern->class, code.class) &&
				      number_fits(pattern->subject, code.subject) &&
				      number_fits(pattern->detail, code.detail))
			return true;
	}
	return count == 0;
}

/* "mx.example.com. (192.0.2.1, ...)" -> "mx.example.com" */
static struct bytes bare_host(struct bytes host)
{
	ptrdiff_t end = bytes_find(host, ' ');
	if (end >= 0)
		host = bytes_first(host, (size_t)end);
	while (host.len > 0 && host.data[host.len - 1] == '.')
		host.len--;
	return host;
}

static bool host_fits(const struct rule *rule, struct bytes host)
{
	host = bare_host(host);
	for (size_t i = 0; i < rule->host.count; i++) {
		struct bytes domain = bytes_of(rule->host.items[i]);
		if (host.len < domain.len)
			continue;
		size_t before = host.len - domain.len;
		if (bytes_equal_nocase(bytes_skip(host, before), domain) &&
		    (before == 0 || host.data[before - 1] == '.'))
			return true;
	}
	return rule->host.count == 0;
}

static size_t count_hits(const struct phrase_list *list, const struct phrase_hits *hits)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++)
		count += phrase_hit(hits, list->items[i]);
	return count;
}

static bool rule_fits(const struct compiled_rule *compiled, const struct reply_facts *facts,
		      const struct phrase_hits *hits)
{
	const struct rule *rule = compiled->rule;
	if (rule->step != STEP_ANY && rule->step != (int)facts->step)
		return false;
	if (!code_fits(rule, facts->code) || !enhanced_fits(compiled, facts->enhanced) ||
	    !host_fits(rule, facts->host))
		return false;
	if (compiled->any.count > 0 && count_hits(&compiled->any, hits) == 0)
		return false;
	return count_hits(&compiled->all, hits) == compiled->all.count &&
	       count_hits(&compiled->none, hits) == 0;
}

static void ask_rules(const struct classifier *classifier, const struct reply_facts *facts,
		      struct bytes text, struct bounce_verdict *ret)
{
	uint8_t plain[TEXT_MAX];
	struct phrase_hits hits;
	size_t len = reply_text_plain(text, plain, sizeof plain);
	phrases_scan(classifier->phrases, bytes_from(plain, len), &hits);
	*ret = (struct bounce_verdict){.class = CLASS_OTHER,
				       .family = FAMILY_UNDETERMINED,
				       .rule = "none",
				       .code = facts->code,
				       .enhanced = facts->enhanced};
	for (size_t i = 0; i < classifier->rule_count; i++) {
		const struct compiled_rule *compiled = &classifier->rules[i];
		if (!rule_fits(compiled, facts, &hits))
			continue;
		ret->class = (enum bounce_class)compiled->rule->class;
		ret->family = compiled->family;
		ret->rule = compiled->rule->id;
		ret->confidence = (unsigned)compiled->rule->confidence;
		return;
	}
}

static bool is_temporary(const struct reply_facts *facts)
{
	return facts->enhanced.class != 0 ? facts->enhanced.class == 4 : facts->code / 100 == 4;
}

#define OWN_WORDS 90 /* percent: of a rule that knows who says it and what is meant by it */

/* Who calls a mailbox unknown with a code of addressing, or in answer to RCPT, means it; so does prose without any code, of a system
 * that looked it up in its own directory. Else it may be a filter's way to refuse the content, as with several carriers. */
static bool is_mailbox_doubtful(const struct reply_facts *facts,
				const struct bounce_verdict *verdict)
{
	bool has_reply = facts->code != 0 || facts->enhanced.class != 0;
	if (!has_reply || verdict->confidence >= OWN_WORDS)
		return false;
	bool is_general = facts->code == 0 && facts->enhanced.subject == 0;
	return facts->enhanced.subject != 1 && facts->step != STEP_RCPT && !is_general;
}

/* Doubt is never hard. */
static void doubt(const struct reply_facts *facts, struct bounce_verdict *verdict)
{
	if (verdict->family != FAMILY_HARD)
		return;
	if (is_temporary(facts))
		verdict->family = FAMILY_SOFT;
	else if (verdict->class == CLASS_BAD_MAILBOX && is_mailbox_doubtful(facts, verdict))
		verdict->family = FAMILY_UNDETERMINED;
}

static void complete_facts(struct reply_facts *facts)
{
	struct reply_codes codes;
	if (facts->code == 0 && facts->enhanced.class == 0 &&
	    reply_codes_find(facts->text, &codes)) {
		facts->code = codes.code;
		facts->enhanced = codes.enhanced;
	}
	if (facts->step == STEP_ANY)
		facts->step = reply_step_find(facts->text);
	if (facts->step == STEP_ANY)
		facts->step = reply_step_find(facts->more);
}

struct reply_facts report_facts(const struct report_recipient *recipient)
{
	return (struct reply_facts){
		.code = recipient->code,
		.enhanced = recipient->status,
		.step = recipient->step,
		.text = recipient->diagnostic,
		.more = recipient->around,
		.host = recipient->remote,
	};
}

size_t classifier_rule_count(const struct classifier *classifier)
{
	return classifier->rule_count;
}

struct rule_summary classifier_rule(const struct classifier *classifier, size_t index)
{
	const struct compiled_rule *compiled = &classifier->rules[index];
	return (struct rule_summary){
		.id = compiled->rule->id,
		.class = (enum bounce_class)compiled->rule->class,
		.family = compiled->family,
		.confidence = (unsigned)compiled->rule->confidence,
		.is_own = index < classifier->own_count,
	};
}

void classifier_ask(const struct classifier *classifier, const struct reply_facts *facts,
		    struct bounce_verdict *ret)
{
	struct reply_facts known = *facts;
	complete_facts(&known);
	ask_rules(classifier, &known, known.text, ret);
	if (ret->confidence < CERTAIN && known.more.len > 0) {
		struct bounce_verdict wider;
		ask_rules(classifier, &known, known.more, &wider);
		if (wider.confidence > ret->confidence &&
		    (ret->confidence < SURE_ENOUGH || wider.confidence >= CERTAIN))
			*ret = wider;
	}
	doubt(&known, ret);
}
