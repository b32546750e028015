/* Rules held against replies: what fits, in which order, after how many. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/shaping/fixture_shaping.h"

#define OFF    "shaping: {shipped: no}\n"
#define SECOND 1000
#define MINUTE (60 * SECOND)

static void assert_said(struct shaping_fixture *fixture, const char *reply, int64_t now_ms,
			const char *said)
{
	fixture_reply(fixture, fixture_facts(reply, now_ms));
	assert_string_equal(fixture_said(fixture), said);
}

static void test_every_condition_of_a_rule_must_hold(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF "sites: {gmail: {replies: [{name: a, when: {code: [421, 45x], enhanced: "
		    "[4.7.*], step: [rcpt, data], text: 'slow\\s+down'}, then: {slow_by: 20%}}]}}");
	(void)state;
	assert_said(&f, "421 4.7.1 please slow  DOWN", 0, "slow_by 20 by a");
	assert_said(&f, "452 4.7.28 slow down", 0, "slow_by 20 by a");
	assert_said(&f, "441 4.7.1 slow down", 0, "");
	assert_said(&f, "421 4.2.1 slow down", 0, "");
	assert_said(&f, "421 slow down", 0, "");
	assert_said(&f, "421 4.7.1 slower", 0, "");
	struct shaping_facts facts = fixture_facts("421 4.7.1 slow down", 0);
	facts.step = "mail";
	fixture_reply(&f, facts);
	assert_int_equal(f.count, 0);
	facts = fixture_facts("421 4.7.1 slow down", 0);
	facts.site = "yahoo";
	fixture_reply(&f, facts);
	assert_int_equal(f.count, 0);
	fixture_done(&f);
}

static void test_patterns_see_the_codes_and_all_lines(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF "sites: {gmail: {replies: [{name: a, when: {text: '^421 4\\.7\\.28 one two$'}, "
		    "then: {bounce: yes}}]}}");
	(void)state;
	assert_said(&f, "421 4.7.28 one\ntwo", 0, "bounce 1 by a");
	fixture_done(&f);
}

static void test_no_reply_and_no_enhanced_code_are_conditions_too(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF "sites: {gmail: {replies: ["
		    "{name: none, when: {code: [none], text: refused}, then: {skip_mx: yes}},"
		    "{name: bare, when: {code: [5xx], enhanced: [none]}, then: {bounce: yes}}]}}");
	(void)state;
	assert_said(&f, "connection refused", 0, "skip_mx 1 by none");
	assert_said(&f, "421 connection refused", 0, "");
	assert_said(&f, "550 no", 0, "bounce 1 by bare");
	assert_said(&f, "550 5.1.1 no", 0, "");
	fixture_done(&f);
}

static void test_of_one_kind_the_first_rule_wins_and_several_kinds_fire(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF
		"sites:\n"
		"  default: {replies: [{name: all, when: {code: [4xx]}, then: {slow_by: 10%, "
		"retry_after: 1h}}]}\n"
		"  gmail: {replies: ["
		"{name: own, when: {text: rate}, then: {slow_by: 70%, use_pool: slow, for: 2h}},"
		"{name: second, when: {text: rate}, then: {slow_by: 80%, bounce: yes}}]}\n");
	(void)state;
	assert_said(&f, "421 rate", 5,
		    "slow_by 70 by own; use_pool slow by own; bounce 1 by second");
	assert_int_equal(f.fired[0].until_ms, 5 + 120 * MINUTE);
	assert_int_equal(f.fired[2].until_ms, 0);
	assert_said(&f, "421 other", 0, "slow_by 10 by all; retry_after 3600000 by all");
	fixture_done(&f);
}

static void test_the_last_rule_ends_the_search(void **state)
{
	struct shaping_fixture f = fixture_with(
		"sites: {gmail: {replies: [{name: calm, when: {text: greylist}, last: yes}]}}");
	(void)state;
	assert_said(&f, "451 4.7.1 greylisted", 0, "");
	struct shaping_facts facts = fixture_facts("451 4.7.1 greylisted", 0);
	facts.site = "example.com";
	fixture_reply(&f, facts);
	assert_string_equal(fixture_said(&f), "retry_after 360000 by greylist");
	fixture_done(&f);
}

static void test_a_built_in_rule_can_be_switched_off(void **state)
{
	struct shaping_fixture f = fixture_with("shaping: {off: [greylist]}");
	(void)state;
	assert_said(&f, "451 4.7.1 greylisted", 0, "");
	assert_said(&f, "421 too many connections", 0, "learn_connections 1 by connections");
	fixture_done(&f);
	f = fixture_with(OFF);
	assert_int_equal(shaping_rules_count(f.rules), 0);
	assert_said(&f, "421 too many connections", 0, "");
	fixture_done(&f);
}

static void test_a_threshold_counts_within_its_time(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF
		"sites: {gmail: {replies: [{name: a, when: {code: [421]}, then: {park_site: yes, "
		"after: 3, within: 1m}}]}}");
	(void)state;
	assert_said(&f, "421 x", 0, "");
	assert_said(&f, "421 x", 20 * SECOND, "");
	assert_said(&f, "421 x", 61 * SECOND, ""); /* the first is too old */
	assert_said(&f, "421 x", 80 * SECOND, "park_site 1 by a");
	assert_said(&f, "421 x", 81 * SECOND, ""); /* counting starts anew */
	assert_said(&f, "421 x", 82 * SECOND, "");
	assert_said(&f, "421 x", 83 * SECOND, "park_site 1 by a");
	fixture_done(&f);
}

static void test_a_rule_that_still_counts_is_not_overtaken(void **state)
{
	struct shaping_fixture f = fixture_with("sites: {gmail: {replies: [{name: own, when: "
						"{text: greylist}, then: {retry_after: 1h, "
						"after: 2}}]}}");
	(void)state;
	assert_said(&f, "451 greylisted", 0, "");
	assert_said(&f, "451 greylisted", 1, "retry_after 3600000 by own");
	fixture_done(&f);
}

static void test_tenants_are_counted_apart(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF
		"sites: {gmail: {replies: [{name: a, when: {code: [550]}, then: {suspend_tenant: "
		"yes, after: 2}}]}}");
	struct shaping_facts facts = fixture_facts("550 x", 0);
	(void)state;
	fixture_reply(&f, facts);
	facts.tenant = "other";
	fixture_reply(&f, facts);
	assert_int_equal(f.count, 0);
	fixture_reply(&f, facts);
	assert_int_equal(f.count, 1);
	facts.tenant = "";
	fixture_reply(&f, facts);
	fixture_reply(&f, facts);
	assert_int_equal(f.count, 0); /* nobody to suspend */
	fixture_done(&f);
}

static void test_counters_are_bounded(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF
		"sites: {gmail: {replies: [{name: a, when: {code: [550]}, then: {suspend_tenant: "
		"yes, after: 2, within: 1d}}]}}");
	struct shaping_facts facts = fixture_facts("550 x", 0);
	char tenant[16];
	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(tenant, sizeof tenant, "t%d", i);
		facts.tenant = tenant;
		facts.now_ms = i;
		fixture_reply(&f, facts);
		assert_int_equal(f.count, 0);
	}
	fixture_reply(&f, facts);
	assert_int_equal(f.count, 1); /* the newest is remembered */
	facts.tenant = "t0";
	fixture_reply(&f, facts);
	assert_int_equal(f.count, 0); /* the oldest is not */
	fixture_done(&f);
}

static void test_a_very_long_reply_is_cut(void **state)
{
	static char text[5000];
	struct shaping_fixture f = fixture_with(
		OFF
		"sites: {gmail: {replies: [{name: a, when: {text: 'a$'}, then: {bounce: yes}}]}}");
	(void)state;
	memset(text, 'a', sizeof text - 1);
	memcpy(text, "421 4.7.0 ", 10);
	assert_said(&f, text, 0, "bounce 1 by a");
	fixture_done(&f);
}

static void test_faults_in_rules_are_told(void **state)
{
	static const struct {
		const char *yaml, *fault;
	} cases[] = {
		{"{when: {text: 'a('}, then: {bounce: yes}}", "at offset 1: expected \")\""},
		{"{when: {code: [42]}, then: {bounce: yes}}", "expected a code such as 421"},
		{"{when: {enhanced: [4.7]}, then: {bounce: yes}}", "expected an enhanced code"},
		{"{when: {step: [receipt]}, then: {bounce: yes}}", "expected a step"},
		{"{when: {}, then: {bounce: yes}}", "every reply fits"},
		{"{when: {code: [421]}}", "does nothing"},
		{"{when: {code: [421]}, then: {bounce: yes, retry_after: 1h}}", "choose one"},
		{"{when: {code: [421]}, then: {park: yes}}", "unknown setting"},
		{"{when: {code: [421]}, then: {slow_to: fast}}", "a rate such as"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char yaml[256];
		(void)snprintf(yaml, sizeof yaml, "sites: {gmail: {replies: [%s]}}", cases[i].yaml);
		char *faults = fixture_faults(yaml);
		if (!strstr(faults, cases[i].fault))
			assert_string_equal(faults, cases[i].fault);
		free(faults);
	}
}

static void test_a_rule_without_a_name_is_called_by_its_place(void **state)
{
	struct shaping_fixture f = fixture_with(
		OFF "sites: {gmail: {replies: [{when: {code: [421]}, then: {slow_to: 10/min}}]}}");
	(void)state;
	assert_said(&f, "421 x", 0, "slow_to 14400 by gmail-1");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_condition_of_a_rule_must_hold),
		cmocka_unit_test(test_patterns_see_the_codes_and_all_lines),
		cmocka_unit_test(test_no_reply_and_no_enhanced_code_are_conditions_too),
		cmocka_unit_test(test_of_one_kind_the_first_rule_wins_and_several_kinds_fire),
		cmocka_unit_test(test_the_last_rule_ends_the_search),
		cmocka_unit_test(test_a_built_in_rule_can_be_switched_off),
		cmocka_unit_test(test_a_threshold_counts_within_its_time),
		cmocka_unit_test(test_a_rule_that_still_counts_is_not_overtaken),
		cmocka_unit_test(test_tenants_are_counted_apart),
		cmocka_unit_test(test_counters_are_bounded),
		cmocka_unit_test(test_a_very_long_reply_is_cut),
		cmocka_unit_test(test_faults_in_rules_are_told),
		cmocka_unit_test(test_a_rule_without_a_name_is_called_by_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
