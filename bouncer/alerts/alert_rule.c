#include "bouncer/alerts/alert_rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/memory.h"

#define HOUR_MS	      INT64_C(3600000)
#define DAY_MS	      (24 * HOUR_MS)
#define MILLION	      1000000
#define WINDOW_MIN_MS 10000 /* results come together in less only by chance */

enum { /* order of `words` */
       WORD_HARD,
       WORD_SOFT,
       WORD_UNDETERMINED,
       WORD_EXPIRED,
       WORD_BLOCK,
       WORD_DEFERRALS,
       WORD_COMPLAINTS,
       WORD_UNSUBSCRIBES,
       WORD_COUNT,
};
static const char *const words[WORD_COUNT] = {"hard",  "soft",	    "undetermined", "expired",
					      "block", "deferrals", "complaints",   "unsubscribes"};

/* docs/alerts.md tells where these numbers come from. None brakes: what to stop is for the operator to say. */
struct shipped {
	const char *name;
	unsigned word;
	unsigned by;
	int64_t window_ms;
	uint64_t minimum, at_least;
	uint32_t raise_ppm, clear_ppm;
};
#define OF_CAMPAIGN (1u << BY_TENANT | 1u << BY_CAMPAIGN)
#define OF_SOURCE   (1u << BY_SITE | 1u << BY_SOURCE)
static const struct shipped shipped[] = {
	{"hard_bounces", WORD_HARD, OF_CAMPAIGN, HOUR_MS, 100, 10, 50000, 30000},
	{"complaints", WORD_COMPLAINTS, OF_CAMPAIGN, 3 * DAY_MS, 1000, 5, 3000, 1000},
	{"blocks", WORD_BLOCK, OF_SOURCE, HOUR_MS, 100, 20, 200000, 100000},
	{"deferrals", WORD_DEFERRALS, OF_SOURCE, HOUR_MS, 200, 100, 700000, 400000},
};
static const struct shipped others = {"", 0, OF_CAMPAIGN, HOUR_MS, 100, 1, 0, 0};

static const struct shipped *shipped_of(const char *name)
{
	for (size_t i = 0; i < CONF_COUNT(shipped); i++)
		if (strcmp(shipped[i].name, name) == 0)
			return &shipped[i];
	return NULL;
}

const char *alert_action_name(const struct alert_rule *rule)
{
	static const char *const names[] = {"default", "off", "tell", "brake", "slow"};
	return rule->then == THEN_TELL && rule->shaping_ms > 0 ? "shape" : names[rule->then];
}

bool alert_rule_acts(const struct alert_rule *rule)
{
	return rule->then == THEN_BRAKE || rule->then == THEN_SLOW || rule->shaping_ms > 0;
}

int64_t alert_rule_lasts_ms(const struct alert_rule *rule)
{
	bool has_own = rule->then == THEN_BRAKE || rule->then == THEN_SLOW;
	if (has_own && rule->brake_for_ms == 0)
		return 0;
	return has_own && rule->brake_for_ms > rule->shaping_ms ? rule->brake_for_ms
								: rule->shaping_ms;
}

/* ---- rates ---- */

bool alert_rate_parse(const char *text, uint32_t *ret_ppm)
{
	uint64_t ppm = 0, unit = MILLION / 100;
	const char *at = text;
	bool has_point = false, has_digit = false;
	for (; ascii_is_digit(*at) || (*at == '.' && !has_point); at++) {
		if (*at == '.') {
			has_point = true;
			continue;
		}
		unit = has_point ? unit / 10 : unit;
		if (has_point && unit == 0)
			return false;
		ppm = has_point ? ppm + (uint64_t)(*at - '0') * unit
				: ppm * 10 + (uint64_t)(*at - '0') * unit;
		has_digit = true;
		if (ppm > MILLION)
			return false;
	}
	if (!has_digit || strcmp(at, "%") != 0)
		return false;
	*ret_ppm = (uint32_t)ppm;
	return true;
}

void alert_rate_text(uint64_t ppm, char out[ALERT_RATE_SIZE])
{
	uint64_t hundredths = (ppm + 50) / 100;
	int len = snprintf(out, ALERT_RATE_SIZE, "%" PRIu64 ".%02" PRIu64, hundredths / 100,
			   hundredths % 100);
	while (out[len - 1] == '0')
		len--;
	if (out[len - 1] == '.')
		len--;
	(void)snprintf(out + len, ALERT_RATE_SIZE - (size_t)len, "%%");
}

uint64_t alert_rate_ppm(uint64_t matched, uint64_t total)
{
	return total > 0 ? matched * MILLION / total : 0;
}

bool alert_rule_is_over(const struct alert_rule *rule, uint64_t matched, uint64_t total)
{
	return total >= rule->minimum && matched >= rule->at_least &&
	       matched * MILLION >= rule->raise_ppm * total;
}

bool alert_rule_is_under(const struct alert_rule *rule, uint64_t matched, uint64_t total)
{
	return matched * MILLION <= rule->clear_ppm * total;
}

/* ---- making ---- */

static bool add_word(struct alert_rule *rule, const char *word)
{
	char plain[64];
	for (unsigned i = 0; i < WORD_COUNT; i++)
		if (strcmp(words[i], word) == 0) {
			rule->words |= 1u << i;
			return true;
		}
	(void)snprintf(plain, sizeof plain, "%s", word);
	for (char *at = plain; *at; at++)
		if (*at == '_')
			*at = '-';
	for (unsigned class = 0; class < CLASS_COUNT; class ++)
		if (strcmp(bounce_class_name((enum bounce_class) class), plain) == 0) {
			rule->classes |= 1u << class;
			return true;
		}
	return false;
}

static enum err take_measure(const struct conf_text_list *list, struct alert_rule *rule,
			     struct why *why)
{
	size_t len = 0;
	if (list->count > 0)
		rule->words = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (!add_word(rule, list->items[i]))
			return fail(
				why, E_MALFORMED,
				"measure: \"%.40s\" is neither a class of bounces nor hard, soft, "
				"undetermined, expired, block, deferrals, complaints, unsubscribes",
				list->items[i]);
		int added = snprintf(rule->measure + len, sizeof rule->measure - len, "%s%s",
				     i > 0 ? ", " : "", list->items[i]);
		len += (size_t)added < sizeof rule->measure - len ? (size_t)added : 0;
	}
	if (rule->words == 0 && rule->classes == 0)
		return fail(why, E_MALFORMED, "measure: must be given");
	unsigned of_attempts = 1u << WORD_BLOCK | 1u << WORD_DEFERRALS;
	unsigned of_delivered = 1u << WORD_COMPLAINTS | 1u << WORD_UNSUBSCRIBES;
	if (rule->classes || (rule->words & of_attempts))
		rule->of = OF_ATTEMPTS;
	else
		rule->of = (rule->words & ~of_delivered) ? OF_ENDED : OF_DELIVERED;
	return OK;
}

static enum err take_by(const struct conf_text_list *list, struct alert_rule *rule, struct why *why)
{
	if (list->count > 0)
		rule->by = 0;
	for (size_t i = 0; i < list->count; i++) {
		unsigned by = 0;
		while (by < BY_COUNT &&
		       strcmp(alert_by_name((enum alert_by)by), list->items[i]) != 0)
			by++;
		if (by == BY_COUNT)
			return fail(why, E_MALFORMED,
				    "per: expected tenant, campaign, pool, site, source or "
				    "sender_domain, not \"%.40s\"",
				    list->items[i]);
		rule->by |= 1u << by;
	}
	if (rule->by & 1u << BY_CAMPAIGN)
		rule->by |= 1u << BY_TENANT;
	return OK;
}

static enum err take_rates(const struct alert_settings *settings, struct alert_rule *rule,
			   struct why *why)
{
	if (settings->raise[0]) {
		if (!alert_rate_parse(settings->raise, &rule->raise_ppm))
			return fail(why, E_MALFORMED, "raise: expected a rate like 5%% or 0.3%%");
		rule->clear_ppm = rule->raise_ppm / 2;
	}
	if (settings->clear[0] && !alert_rate_parse(settings->clear, &rule->clear_ppm))
		return fail(why, E_MALFORMED, "clear: expected a rate like 5%% or 0.3%%");
	if (rule->raise_ppm == 0)
		return fail(why, E_MALFORMED, "raise: must be given, and more than 0%%");
	if (rule->clear_ppm >= rule->raise_ppm)
		return fail(why, E_MALFORMED, "clear: must be less than raise");
	return OK;
}

static enum err check_use(const struct alert_rule *rule, struct why *why)
{
	if (rule->window_ms < WINDOW_MIN_MS)
		return fail(why, E_MALFORMED, "window: must be 0, or 10s or longer");
	if (rule->then == THEN_BRAKE && (rule->by & 1u << BY_SENDER_DOMAIN))
		return fail(why, E_MALFORMED, "then: mail of a sender_domain cannot be kept back");
	if (rule->then == THEN_SLOW && rule->by != OF_SOURCE)
		return fail(why, E_MALFORMED, "then: slow needs `per: [site, source]`");
	return OK;
}

static void start_from(const struct shipped *from, const char *name, bool is_shipped,
		       struct alert_rule *ret)
{
	*ret = (struct alert_rule){.name = name,
				   .words = is_shipped ? 1u << from->word : 0,
				   .by = from->by,
				   .window_ms = from->window_ms,
				   .minimum = from->minimum,
				   .at_least = from->at_least,
				   .raise_ppm = from->raise_ppm,
				   .clear_ppm = from->clear_ppm,
				   .then = THEN_TELL,
				   .slow_by = 50};
	if (is_shipped)
		(void)snprintf(ret->measure, sizeof ret->measure, "%s", words[from->word]);
}

enum err alert_rule_make(const struct alert_settings *settings, struct alert_rule *ret,
			 struct why *why)
{
	const struct shipped *from = shipped_of(settings->name);
	start_from(from ? from : &others, settings->name, from, ret);
	if (settings->then != THEN_DEFAULT)
		ret->then = settings->then;
	if (settings->window > 0)
		ret->window_ms = settings->window;
	if (settings->minimum > 0)
		ret->minimum = (uint64_t)settings->minimum;
	if (settings->at_least > 0)
		ret->at_least = (uint64_t)settings->at_least;
	ret->brake_for_ms = settings->brake_for;
	ret->slow_by = (unsigned)settings->slow_by;
	if (ret->then == THEN_SLOW && ret->brake_for_ms == 0)
		ret->brake_for_ms = HOUR_MS;
	if (ret->then == THEN_OFF)
		return OK;
	enum err err = take_measure(&settings->measure, ret, why);
	if (!err)
		err = take_by(&settings->per, ret, why);
	if (!err)
		err = take_rates(settings, ret, why);
	return err ? err : check_use(ret, why);
}

/* ---- all of them ---- */

static void add_rule(struct alert_rules *rules, const struct alert_settings *settings)
{
	struct why why;
	struct alert_rule *rule = &rules->items[rules->count];
	if (alert_rule_make(settings, rule, &why) == OK && rule->then != THEN_OFF)
		rules->count++;
}

static bool is_given(const struct conf_items *settings, const char *name)
{
	for (size_t i = 0; settings && i < settings->count; i++)
		if (strcmp(CONF_ITEM(settings, struct alert_settings, i)->name, name) == 0)
			return true;
	return false;
}

void alert_rules_init(struct alert_rules *rules, const struct conf_items *settings)
{
	size_t given = settings ? settings->count : 0;
	rules->count = 0;
	rules->items = memory_array(given + CONF_COUNT(shipped), sizeof(struct alert_rule));
	for (size_t i = 0; i < CONF_COUNT(shipped); i++) {
		const struct alert_settings nothing = {
			.name = shipped[i].name, .raise = "", .clear = "", .slow_by = 50};
		if (!is_given(settings, shipped[i].name))
			add_rule(rules, &nothing);
	}
	for (size_t i = 0; i < given; i++)
		add_rule(rules, CONF_ITEM(settings, struct alert_settings, i));
}

void alert_rules_done(struct alert_rules *rules)
{
	free(rules->items);
	*rules = (struct alert_rules){NULL, 0};
}

/* ---- what is counted ---- */

static bool has_word(const struct alert_rule *rule, unsigned word)
{
	return rule->words & 1u << word;
}

static bool matches_failure(const struct alert_rule *rule, const struct sighting *sighting)
{
	static const unsigned of_family[] = {[FAMILY_HARD] = WORD_HARD,
					     [FAMILY_SOFT] = WORD_SOFT,
					     [FAMILY_BLOCK] = WORD_BLOCK,
					     [FAMILY_UNDETERMINED] = WORD_UNDETERMINED};
	return has_word(rule, of_family[sighting->family]) ||
	       (rule->classes & 1u << sighting->class) ||
	       (sighting->kind == EVENT_EXPIRED && has_word(rule, WORD_EXPIRED));
}

bool alert_rule_matches(const struct alert_rule *rule, const struct sighting *sighting)
{
	switch (sighting->kind) {
	case EVENT_COMPLAINED:
		return has_word(rule, WORD_COMPLAINTS);
	case EVENT_UNSUBSCRIBED:
		return has_word(rule, WORD_UNSUBSCRIBES);
	case EVENT_DEFERRED:
		return !sighting->is_returned &&
		       (has_word(rule, WORD_DEFERRALS) ||
			(sighting->family == FAMILY_BLOCK && has_word(rule, WORD_BLOCK)) ||
			(rule->classes & 1u << sighting->class));
	case EVENT_BOUNCED:
	case EVENT_EXPIRED:
		return matches_failure(rule, sighting);
	default:
		return false;
	}
}

bool alert_rule_totals(const struct alert_rule *rule, const struct sighting *sighting)
{
	if (sighting->is_returned)
		return false;
	switch (sighting->kind) {
	case EVENT_DELIVERED:
		return true;
	case EVENT_BOUNCED:
	case EVENT_EXPIRED:
		return rule->of != OF_DELIVERED;
	case EVENT_DEFERRED:
		return rule->of == OF_ATTEMPTS;
	default:
		return false;
	}
}
