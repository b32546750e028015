/* What is shipped and what settings make of it; which events count for which rate, and among which. */
#include "tests/check.h"

#include <string.h>

#include "bouncer/alerts/alert_rule.h"

static struct alert_settings blank(const char *name)
{
	return (struct alert_settings){.name = name, .raise = "", .clear = "", .slow_by = 50};
}

static struct alert_rule made(const struct alert_settings *settings)
{
	struct alert_rule rule;
	struct why why = {""};
	enum err err = alert_rule_make(settings, &rule, &why);
	assert_string_equal(why.text, "");
	assert_int_equal(err, OK);
	return rule;
}

static void assert_refused(const struct alert_settings *settings, const char *word)
{
	struct alert_rule rule;
	struct why why = {""};
	assert_int_equal(alert_rule_make(settings, &rule, &why), E_MALFORMED);
	assert_non_null(strstr(why.text, word));
}

static struct sighting sighting(enum bouncer_event_kind kind, enum bounce_class class)
{
	return (struct sighting){
		.kind = kind, .class = class, .family = bounce_class_family(class)};
}

static void test_what_is_shipped_tells_and_brakes_nobody(void **state)
{
	(void)state;
	struct alert_rules rules;
	alert_rules_init(&rules, NULL);
	assert_int_equal(rules.count, 4);
	for (size_t i = 0; i < rules.count; i++) {
		assert_int_equal(rules.items[i].then, THEN_TELL);
		assert_true(rules.items[i].clear_ppm < rules.items[i].raise_ppm);
	}
	alert_rules_done(&rules);
}

static void test_what_follows_lasts_as_long_as_the_longest_of_it(void **state)
{
	struct alert_settings settings = blank("blocks");
	struct alert_rule rule = made(&settings);
	(void)state;
	assert_false(alert_rule_acts(&rule));
	assert_string_equal(alert_action_name(&rule), "tell");
	rule.shaping_ms = 1000;
	assert_true(alert_rule_acts(&rule));
	assert_string_equal(alert_action_name(&rule), "shape");
	assert_int_equal(alert_rule_lasts_ms(&rule), 1000);
	rule.then = THEN_BRAKE;
	assert_int_equal(alert_rule_lasts_ms(&rule), 0); /* until somebody resumes */
	rule.brake_for_ms = 500;
	assert_int_equal(alert_rule_lasts_ms(&rule), 1000);
	rule.brake_for_ms = 5000;
	assert_int_equal(alert_rule_lasts_ms(&rule), 5000);
	assert_string_equal(alert_action_name(&rule), "brake");
}

static void test_settings_change_what_they_name_and_turn_off(void **state)
{
	(void)state;
	struct alert_settings items[] = {blank("complaints"), blank("blocks")};
	items[0].raise = "0.1%";
	items[0].then = THEN_BRAKE;
	items[1].then = THEN_OFF;
	const struct conf_items settings = {items, 2};
	struct alert_rules rules;
	alert_rules_init(&rules, &settings);
	assert_int_equal(rules.count, 3);
	const struct alert_rule *rule = &rules.items[2];
	assert_string_equal(rule->name, "complaints");
	assert_int_equal(rule->raise_ppm, 1000);
	assert_int_equal(rule->clear_ppm, 500);
	assert_int_equal(rule->minimum, 1000);
	assert_int_equal(rule->then, THEN_BRAKE);
	assert_int_equal(rule->of, OF_DELIVERED);
	alert_rules_done(&rules);
}

static void test_faults_are_told(void **state)
{
	(void)state;
	const char *const nonsense[] = {"nonsense"}, *const by_domain[] = {"sender_domain"},
			  *const hard[] = {"hard"};
	struct alert_settings settings = blank("own");
	assert_refused(&settings, "measure");
	settings.measure = (struct conf_text_list){(const char **)nonsense, 1};
	assert_refused(&settings, "nonsense");
	settings.measure = (struct conf_text_list){(const char **)hard, 1};
	assert_refused(&settings, "raise");
	settings.raise = "5";
	assert_refused(&settings, "raise");
	settings.raise = "5%";
	settings.clear = "5%";
	assert_refused(&settings, "clear");
	settings.clear = "";
	settings.then = THEN_BRAKE;
	settings.per = (struct conf_text_list){(const char **)by_domain, 1};
	assert_refused(&settings, "sender_domain");
	settings.then = THEN_SLOW;
	assert_refused(&settings, "slow");
	settings.then = THEN_TELL;
	settings.window = 1;
	assert_refused(&settings, "window");
	settings.window = 0;
	settings.then = THEN_TELL;
	(void)made(&settings);
}

static void test_a_campaign_is_always_of_a_tenant(void **state)
{
	(void)state;
	const char *const campaign[] = {"campaign"};
	struct alert_settings settings = blank("hard_bounces");
	settings.per = (struct conf_text_list){(const char **)campaign, 1};
	assert_int_equal(made(&settings).by, 1u << BY_TENANT | 1u << BY_CAMPAIGN);
}

static void test_rates_are_read_and_written(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t ppm;
	} cases[] = {{"5%", 50000},  {"0.3%", 3000},	 {"100%", 1000000},
		     {"0.01%", 100}, {"12.34%", 123400}, {"0%", 0}};
	char text[ALERT_RATE_SIZE];
	uint32_t ppm;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(alert_rate_parse(cases[i].text, &ppm));
		assert_int_equal(ppm, cases[i].ppm);
		alert_rate_text(ppm, text);
		assert_string_equal(text, cases[i].text);
	}
	static const char *const bad[] = {"",	  "%",	      "5",
					  "101%", "1.2.3%",   "-1%",
					  "5 %",  "0.00001%", "99999999999999999999999%"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(alert_rate_parse(bad[i], &ppm));
}

static void test_what_a_rate_counts_and_what_it_is_of(void **state)
{
	(void)state;
	struct alert_settings settings = blank("hard_bounces");
	struct alert_rule hard = made(&settings);
	settings = blank("blocks");
	struct alert_rule blocks = made(&settings);
	settings = blank("complaints");
	struct alert_rule complaints = made(&settings);
	const struct sighting delivered = sighting(EVENT_DELIVERED, CLASS_OTHER),
			      bounced = sighting(EVENT_BOUNCED, CLASS_BAD_MAILBOX),
			      blocked = sighting(EVENT_DEFERRED, CLASS_SPAM_RELATED),
			      complained = sighting(EVENT_COMPLAINED, CLASS_OTHER);
	struct sighting returned = bounced;
	returned.is_returned = true;

	assert_true(alert_rule_matches(&hard, &bounced));
	assert_true(alert_rule_matches(&hard, &returned));
	assert_false(alert_rule_matches(&hard, &blocked));
	assert_true(alert_rule_totals(&hard, &bounced));
	assert_true(alert_rule_totals(&hard, &delivered));
	assert_false(alert_rule_totals(&hard, &returned));
	assert_false(alert_rule_totals(&hard, &blocked));

	assert_true(alert_rule_matches(&blocks, &blocked));
	assert_true(alert_rule_totals(&blocks, &blocked));
	assert_false(alert_rule_matches(&blocks, &bounced));

	assert_true(alert_rule_matches(&complaints, &complained));
	assert_false(alert_rule_totals(&complaints, &complained));
	assert_true(alert_rule_totals(&complaints, &delivered));
	assert_false(alert_rule_totals(&complaints, &bounced));
}

static void test_classes_can_be_named(void **state)
{
	(void)state;
	const char *const classes[] = {"quota_issues", "spam-related"};
	struct alert_settings settings = blank("own");
	settings.measure = (struct conf_text_list){(const char **)classes, 2};
	settings.raise = "50%";
	struct alert_rule rule = made(&settings);
	const struct sighting full = sighting(EVENT_DEFERRED, CLASS_QUOTA_ISSUES),
			      gone = sighting(EVENT_BOUNCED, CLASS_BAD_MAILBOX);
	assert_true(alert_rule_matches(&rule, &full));
	assert_false(alert_rule_matches(&rule, &gone));
	assert_string_equal(rule.measure, "quota_issues, spam-related");
}

static void test_events_tell_what_became_of_whose_mail(void **state)
{
	(void)state;
	struct bouncer_event event = {
		.kind = EVENT_BOUNCED,
		.has_result = true,
		.class = BYTES("bad-mailbox"),
		.hardness = BYTES("hard"),
		.report = BYTES("dsn"),
		.result = {.sender = BYTES("news@a.example"),
			   .pool = BYTES("bulk"),
			   .labels = {.tenant = BYTES("acme"), .campaign = BYTES("spring")}},
	};
	struct sighting seen;
	assert_true(sighting_of(&event, &seen));
	assert_int_equal(seen.class, CLASS_BAD_MAILBOX);
	assert_int_equal(seen.family, FAMILY_HARD);
	assert_true(seen.is_returned);
	assert_true(bytes_is(seen.by[BY_CAMPAIGN], "spring"));
	assert_true(bytes_is(seen.by[BY_SENDER_DOMAIN], "a.example"));
	event.kind = EVENT_SUPPRESSED;
	assert_false(sighting_of(&event, &seen));
	event.kind = EVENT_ALERT;
	assert_false(sighting_of(&event, &seen));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_follows_lasts_as_long_as_the_longest_of_it),
		cmocka_unit_test(test_what_is_shipped_tells_and_brakes_nobody),
		cmocka_unit_test(test_settings_change_what_they_name_and_turn_off),
		cmocka_unit_test(test_faults_are_told),
		cmocka_unit_test(test_a_campaign_is_always_of_a_tenant),
		cmocka_unit_test(test_rates_are_read_and_written),
		cmocka_unit_test(test_what_a_rate_counts_and_what_it_is_of),
		cmocka_unit_test(test_classes_can_be_named),
		cmocka_unit_test(test_events_tell_what_became_of_whose_mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
