/* Rules that name an alert. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shaping/alerted.h"
#include "lib/shaping/force.h"
#include "tests/unit/lib/shaping/fixture_shaping.h"

#define RULES                                                                                      \
	"sites:\n"                                                                                 \
	"  gmail:\n"                                                                               \
	"    replies:\n"                                                                           \
	"      - {name: own, when: {alert: blocks}, then: {slow_by: 50%, for: 1h}}\n"              \
	"      - {name: a-reply, when: {code: [421]}, then: {park_site: yes}}\n"                   \
	"  default:\n"                                                                             \
	"    replies:\n"                                                                           \
	"      - {name: all, when: {alert: blocks}, then: {slow_by: 20%, park_source: yes, for: "  \
	"2h}}\n"                                                                                   \
	"      - {name: mailing, when: {alert: bad}, then: {suspend_campaign: yes, for: 3h}}\n"

struct seen {
	char text[1000];
	int64_t until_ms;
};

static void on_fired(void *owner, const struct shaping_fired *fired,
		     const struct shaping_facts *facts)
{
	struct seen *seen = owner;
	size_t len = strlen(seen->text);
	(void)snprintf(seen->text + len, sizeof seen->text - len, "%s%s at %s by %s",
		       len ? "; " : "", shaping_action_name(fired->action), facts->site,
		       fired->rule);
	seen->until_ms = fired->until_ms;
}

static void assert_alerted(const struct shaping_fixture *f, const char *alert,
			   struct shaping_facts facts, const char *expected)
{
	struct seen seen = {.text = ""};
	shaping_alerted(f->rules, alert, &facts, on_fired, &seen);
	assert_string_equal(seen.text, expected);
}

static struct shaping_facts about(const char *site, const char *source, const char *campaign)
{
	return (struct shaping_facts){.site = site,
				      .source = source,
				      .host = "",
				      .tenant = "acme",
				      .campaign = campaign,
				      .step = "",
				      .now_ms = 1000};
}

static void test_the_sites_own_rule_comes_before_that_of_default(void **state)
{
	struct shaping_fixture f = fixture_with(RULES);
	(void)state;
	assert_alerted(&f, "blocks", about("gmail", "out1", ""),
		       "slow_by at gmail by own; park_source at gmail by all");
	assert_alerted(&f, "blocks", about("x.example", "out1", ""),
		       "slow_by at x.example by all; park_source at x.example by all");
	fixture_done(&f);
}

static void test_an_alert_without_a_site_acts_at_each_sites_own_and_everywhere(void **state)
{
	struct shaping_fixture f = fixture_with(RULES);
	(void)state;
	assert_alerted(&f, "bad", about("", "", "spring"), "suspend_campaign at * by mailing");
	assert_alerted(&f, "blocks", about("", "out1", ""),
		       "slow_by at gmail by own; slow_by at * by all; park_source at * by all");
	fixture_done(&f);
}

static void test_what_the_alert_is_not_counted_by_is_passed_over(void **state)
{
	struct shaping_fixture f = fixture_with(RULES);
	struct shaping_facts facts = about("", "", "");
	(void)state;
	assert_alerted(&f, "bad", facts, "");
	assert_alerted(&f, "blocks", about("gmail", "", ""), "");
	assert_alerted(&f, "nosuch", about("gmail", "out1", "spring"), "");
	assert_string_equal(shaping_alert_lacks(SHAPING_SLOW_TO, &facts), "source");
	assert_string_equal(shaping_alert_lacks(SHAPING_PARK_SITE, &facts), "site");
	assert_null(shaping_alert_lacks(SHAPING_SUSPEND_TENANT, &facts));
	facts.site = SHAPING_EVERYWHERE;
	assert_string_equal(shaping_alert_lacks(SHAPING_PARK_SITE, &facts), "site");
	fixture_done(&f);
}

static void test_it_lasts_as_long_as_its_rule_says(void **state)
{
	struct shaping_fixture f = fixture_with(RULES);
	struct seen seen = {.text = ""};
	struct shaping_facts facts = about("", "", "spring");
	(void)state;
	shaping_alerted(f.rules, "bad", &facts, on_fired, &seen);
	assert_int_equal(seen.until_ms, 1000 + 3 * 3600000);
	assert_int_equal(shaping_alert_period_ms(f.rules, "blocks"), 2 * 3600000);
	assert_int_equal(shaping_alert_period_ms(f.rules, "nosuch"), 0);
	fixture_done(&f);
}

static void test_no_reply_fits_a_rule_that_names_an_alert(void **state)
{
	struct shaping_fixture f = fixture_with(RULES);
	(void)state;
	fixture_reply(&f, fixture_facts("421 4.7.0 later", 0));
	assert_null(strstr(fixture_said(&f), "by own"));
	assert_null(strstr(fixture_said(&f), "by all"));
	fixture_done(&f);
}

static void assert_fault(const char *rule, const char *expected)
{
	char yaml[300];
	(void)snprintf(yaml, sizeof yaml, "sites: {gmail: {replies: [%s]}}\n", rule);
	char *faults = fixture_faults(yaml);
	if (!strstr(faults, expected))
		print_error("%s: %s\n", rule, faults);
	assert_non_null(strstr(faults, expected));
	free(faults);
}

static void test_what_an_alert_cannot_do_is_refused(void **state)
{
	(void)state;
	assert_fault("{when: {alert: a, code: [421]}, then: {slow_by: 50%}}", "choose one");
	assert_fault("{when: {alert: a}, then: {retry_after: 1h}}", "retry_after needs a reply");
	assert_fault("{when: {alert: a}, then: {skip_mx: yes}}", "skip_mx needs a reply");
	assert_fault("{when: {alert: a}, then: {slow_by: 50%, after: 3}}", "counts replies");
	assert_fault("{when: {alert: a}}", "does nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sites_own_rule_comes_before_that_of_default),
		cmocka_unit_test(
			test_an_alert_without_a_site_acts_at_each_sites_own_and_everywhere),
		cmocka_unit_test(test_what_the_alert_is_not_counted_by_is_passed_over),
		cmocka_unit_test(test_it_lasts_as_long_as_its_rule_says),
		cmocka_unit_test(test_no_reply_fits_a_rule_that_names_an_alert),
		cmocka_unit_test(test_what_an_alert_cannot_do_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
