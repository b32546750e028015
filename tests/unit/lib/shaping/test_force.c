/* What is in force: whom it is for, how long, how it grows and goes. */
#include "tests/check.h"

#include <string.h>

#include "lib/shaping/force.h"
#include "tests/unit/lib/shaping/fixture_shaping.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)

static struct shaping_fired fired(enum shaping_action action, int64_t value, int64_t now_ms,
				  int64_t period_ms)
{
	return (struct shaping_fired){.action = action,
				      .rule = "a-rule",
				      .value = value,
				      .text = "",
				      .until_ms = now_ms + period_ms,
				      .period_ms = period_ms};
}

static const struct shaping_entry *put(struct shaping_force *force, enum shaping_action action,
				       int64_t value, int64_t now_ms)
{
	struct shaping_facts facts = fixture_facts("421 4.7.0 slow\ndown", now_ms);
	struct shaping_fired what = fired(action, value, now_ms, 10 * MINUTE);
	return shaping_force_add(force, &what, &facts);
}

static struct shaping_answer ask(const struct shaping_force *force, const char *source,
				 int64_t now_ms)
{
	struct shaping_question question = {.site = "gmail",
					    .source = source,
					    .tenant = "acme",
					    .campaign = "other",
					    .now_ms = now_ms};
	struct shaping_answer answer;
	shaping_force_ask(force, &question, &answer);
	return answer;
}

static void test_each_action_is_for_whom_it_says(void **state)
{
	struct shaping_force *force = shaping_force_new();
	(void)state;
	put(force, SHAPING_SLOW_TO, 14400, 0);
	put(force, SHAPING_SLOW_BY, 60, 0);
	put(force, SHAPING_CONNECTIONS_BY, 50, 0);
	put(force, SHAPING_PARK_SOURCE, 1, 0);
	put(force, SHAPING_SUSPEND_TENANT, 1, 0);
	put(force, SHAPING_SUSPEND_CAMPAIGN, 1, 0);
	put(force, SHAPING_SKIP_MX, 1, 0);
	assert_int_equal(shaping_force_count(force), 7);
	struct shaping_answer mine = ask(force, "out1", 1);
	assert_int_equal(mine.rate_per_day, 14400);
	assert_int_equal(mine.rate_percent, 40);
	assert_int_equal(mine.connections_percent, 50);
	assert_int_equal(mine.source_until_ms, 10 * MINUTE);
	assert_int_equal(mine.tenant_until_ms, 10 * MINUTE);
	assert_int_equal(mine.campaign_until_ms, 0); /* of another campaign */
	assert_int_equal(mine.site_until_ms, 0);
	struct shaping_answer other = ask(force, "out2", 1);
	assert_int_equal(other.rate_percent, 100);
	assert_int_equal(other.source_until_ms, 0);
	assert_int_equal(shaping_force_host_until(force, "mx.example.com", 1), 10 * MINUTE);
	assert_int_equal(shaping_force_host_until(force, "mx2.example.com", 1), 0);
	put(force, SHAPING_PARK_SITE, 1, 0);
	assert_int_equal(ask(force, "out2", 1).site_until_ms, 10 * MINUTE);
	shaping_force_free(&force);
}

static void test_what_is_for_a_delivery_only_is_not_kept(void **state)
{
	struct shaping_force *force = shaping_force_new();
	(void)state;
	assert_null(put(force, SHAPING_BOUNCE, 1, 0));
	assert_int_equal(shaping_force_count(force), 0);
	shaping_force_free(&force);
}

static void test_an_entry_tells_why_and_until_when(void **state)
{
	struct shaping_force *force = shaping_force_new();
	(void)state;
	const struct shaping_entry *entry = put(force, SHAPING_PARK_SOURCE, 1, 5);
	assert_string_equal(entry->rule, "a-rule");
	assert_string_equal(entry->reply, "421 4.7.0 slow down");
	assert_string_equal(entry->site, "gmail");
	assert_string_equal(entry->source, "out1");
	assert_int_equal(entry->since_ms, 5);
	assert_int_equal(entry->until_ms, 5 + 10 * MINUTE);
	entry = put(force, SHAPING_PARK_SOURCE, 1, MINUTE); /* again: the same one, longer */
	assert_int_equal(entry->id, 1);
	assert_int_equal(entry->reply_count, 2);
	assert_int_equal(entry->since_ms, 5);
	assert_int_equal(entry->until_ms, 11 * MINUTE);
	assert_int_equal(shaping_force_count(force), 1);
	shaping_force_free(&force);
}

static void test_a_long_reply_is_cut_between_letters(void **state)
{
	struct shaping_force *force = shaping_force_new();
	char text[1000] = "421 ";
	(void)state;
	for (size_t i = 4; i + 2 < sizeof text; i += 2)
		memcpy(text + i, "é", 3);
	struct shaping_facts facts = fixture_facts(text, 0);
	struct shaping_fired what = fired(SHAPING_PARK_SITE, 1, 0, MINUTE);
	const struct shaping_entry *entry = shaping_force_add(force, &what, &facts);
	assert_true(strlen(entry->reply) <= SHAPING_REPLY_MAX);
	assert_true(bytes_is_utf8(bytes_of(entry->reply)));
	shaping_force_free(&force);
}

static void test_slowing_grows_once_per_wave_and_goes_back_slowly(void **state)
{
	struct shaping_force *force = shaping_force_new();
	(void)state;
	for (int i = 0; i < 20; i++) /* twenty sessions are told at once */
		put(force, SHAPING_SLOW_BY, 50, i);
	assert_int_equal(ask(force, "out1", 100).rate_percent, 50);
	put(force, SHAPING_SLOW_BY, 50, MINUTE);
	assert_int_equal(ask(force, "out1", MINUTE).rate_percent, 25);
	assert_int_equal(ask(force, "out1", 11 * MINUTE).rate_percent, 25);
	assert_int_equal(ask(force, "out1", 16 * MINUTE).rate_percent,
			 62); /* half of the way back */
	put(force, SHAPING_SLOW_BY, 50, 16 * MINUTE);
	assert_int_equal(ask(force, "out1", 16 * MINUTE).rate_percent, 31);
	assert_int_equal(ask(force, "out1", 36 * MINUTE).rate_percent, 100);
	for (int i = 0; i < 20; i++)
		put(force, SHAPING_SLOW_BY, 99, (40 + i) * MINUTE);
	assert_int_equal(ask(force, "out1", 60 * MINUTE).rate_percent, SHAPING_PERCENT_LEAST);
	shaping_force_free(&force);
}

static void note(void *owner, const struct shaping_entry *entry)
{
	uint64_t *sum = owner;
	*sum += entry->id;
}

static void test_entries_expire_and_can_be_cancelled(void **state)
{
	struct shaping_force *force = shaping_force_new();
	uint64_t sum = 0;
	(void)state;
	put(force, SHAPING_PARK_SITE, 1, 0);	    /* 1 */
	put(force, SHAPING_SLOW_BY, 50, 0);	    /* 2 */
	put(force, SHAPING_PARK_SOURCE, 1, MINUTE); /* 3 */
	put(force, SHAPING_SKIP_MX, 1, MINUTE);	    /* 4 */
	shaping_force_each(force, "gmail", note, &sum);
	assert_int_equal(sum, 6);
	sum = 0;
	shaping_force_each(force, NULL, note, &sum);
	assert_int_equal(sum, 10);
	assert_int_equal(shaping_force_next_ms(force), 10 * MINUTE);
	assert_true(shaping_force_cancel(force, 3));
	assert_false(shaping_force_cancel(force, 3));
	assert_int_equal(ask(force, "out1", MINUTE).source_until_ms, 0);
	sum = 0;
	assert_int_equal(shaping_force_expire(force, 10 * MINUTE, note, &sum), 1);
	assert_int_equal(sum, 1);
	assert_int_equal(shaping_force_expire(force, 20 * MINUTE, NULL, NULL), 2);
	assert_int_equal(shaping_force_count(force), 0);
	assert_int_equal(shaping_force_next_ms(force), INT64_MAX);
	shaping_force_free(&force);
}

static void test_another_rule_takes_the_entry_over(void **state)
{
	struct shaping_force *force = shaping_force_new();
	struct shaping_facts facts = fixture_facts("421 x", MINUTE);
	struct shaping_fired what = fired(SHAPING_USE_POOL, 0, 0, 5 * MINUTE);
	(void)state;
	what.text = "first";
	shaping_force_add(force, &what, &facts);
	what.text = "second-and-longer";
	what.rule = "another-rule";
	const struct shaping_entry *entry = shaping_force_add(force, &what, &facts);
	assert_int_equal(entry->id, 1);
	assert_string_equal(entry->rule, "another-rule");
	assert_string_equal(ask(force, "out1", 1).pool, "second-and-longer");
	assert_int_equal(shaping_force_count(force), 1);
	shaping_force_free(&force);
}

/* Another worker that starts has the same from then on, also half way back. */
static void test_an_entry_told_to_another_table_is_the_same_there(void **state)
{
	static const int64_t told_at[] = {MINUTE, 9 * MINUTE, 11 * MINUTE, 16 * MINUTE};
	struct shaping_force *force = shaping_force_new();
	(void)state;
	put(force, SHAPING_SLOW_BY, 80, 0);
	const struct shaping_entry *park = put(force, SHAPING_PARK_SOURCE, 1, 0);
	assert_int_equal(park->until_ms, 10 * MINUTE);
	for (size_t i = 0; i < sizeof told_at / sizeof told_at[0]; i++) {
		struct shaping_force *other = shaping_force_new();
		struct shaping_fired again;
		struct shaping_facts facts = fixture_facts("", 0);
		const struct shaping_entry *entry =
			shaping_force_find(force, SHAPING_SLOW_BY, &facts);
		shaping_entry_again(entry, told_at[i], &again, &facts);
		assert_string_equal(shaping_force_add(other, &again, &facts)->reply, entry->reply);
		for (int64_t now = told_at[i]; now <= 21 * MINUTE; now += MINUTE) {
			int here = (int)ask(force, "out1", now).rate_percent;
			int there = (int)ask(other, "out1", now).rate_percent;
			assert_in_range(there - here + 1, 0, 2); /* whole percents */
		}
		shaping_force_free(&other);
	}
	shaping_force_free(&force);
}

static void test_the_table_is_bounded(void **state)
{
	struct shaping_force *force = shaping_force_new();
	struct shaping_facts facts = fixture_facts("421 x", 0);
	struct shaping_fired what = fired(SHAPING_PARK_SITE, 1, 0, MINUTE);
	char site[32];
	(void)state;
	for (int i = 0; i < SHAPING_FORCE_MAX + 5; i++) {
		(void)snprintf(site, sizeof site, "d%d.example", i);
		facts.site = site;
		const struct shaping_entry *entry = shaping_force_add(force, &what, &facts);
		assert_int_equal(entry != NULL, i < SHAPING_FORCE_MAX);
	}
	assert_int_equal(shaping_force_count(force), SHAPING_FORCE_MAX);
	assert_int_equal(shaping_force_refused(force), 5);
	shaping_force_free(&force);
}

static void test_an_entry_may_hold_everywhere_and_the_stricter_wins(void **state)
{
	struct shaping_force *force = shaping_force_new();
	struct shaping_facts everywhere = fixture_facts("", 0);
	(void)state;
	everywhere.site = SHAPING_EVERYWHERE;
	struct shaping_fired slow = fired(SHAPING_SLOW_BY, 80, 0, 10 * MINUTE);
	struct shaping_fired suspend = fired(SHAPING_SUSPEND_TENANT, 1, 0, MINUTE);
	assert_non_null(shaping_force_add(force, &slow, &everywhere));
	assert_non_null(shaping_force_add(force, &suspend, &everywhere));
	assert_int_equal(ask(force, "out1", 1).rate_percent, 20);
	assert_int_equal(ask(force, "out2", 1).rate_percent, 100);
	assert_int_equal(ask(force, "out2", 1).tenant_until_ms, MINUTE);
	put(force, SHAPING_SLOW_BY, 50, 0);
	put(force, SHAPING_SUSPEND_TENANT, 1, 0);
	assert_int_equal(ask(force, "out1", 1).rate_percent, 20);
	assert_int_equal(ask(force, "out1", 1).tenant_until_ms, 10 * MINUTE);
	shaping_force_free(&force);
}

static void test_a_campaign_is_its_tenants(void **state)
{
	struct shaping_force *force = shaping_force_new();
	struct shaping_facts facts = fixture_facts("421 slow", 0);
	struct shaping_fired again;
	(void)state;
	facts.campaign = "spring";
	struct shaping_fired suspend = fired(SHAPING_SUSPEND_CAMPAIGN, 1, 0, MINUTE);
	const struct shaping_entry *entry = shaping_force_add(force, &suspend, &facts);
	assert_int_equal(shaping_entry_name(entry), shaping_name_of(suspend.action, &facts));
	struct shaping_question question = {
		.site = "gmail", .source = "", .tenant = "acme", .campaign = "spring", .now_ms = 1};
	struct shaping_answer answer;
	shaping_force_ask(force, &question, &answer);
	assert_int_equal(answer.campaign_until_ms, MINUTE);
	question.tenant = "other";
	shaping_force_ask(force, &question, &answer);
	assert_int_equal(answer.campaign_until_ms, 0);
	shaping_entry_again(entry, 1, &again, &facts);
	assert_string_equal(facts.tenant, "acme");
	assert_string_equal(facts.campaign, "spring");
	shaping_force_free(&force);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_may_hold_everywhere_and_the_stricter_wins),
		cmocka_unit_test(test_a_campaign_is_its_tenants),
		cmocka_unit_test(test_each_action_is_for_whom_it_says),
		cmocka_unit_test(test_what_is_for_a_delivery_only_is_not_kept),
		cmocka_unit_test(test_an_entry_tells_why_and_until_when),
		cmocka_unit_test(test_a_long_reply_is_cut_between_letters),
		cmocka_unit_test(test_slowing_grows_once_per_wave_and_goes_back_slowly),
		cmocka_unit_test(test_entries_expire_and_can_be_cancelled),
		cmocka_unit_test(test_another_rule_takes_the_entry_over),
		cmocka_unit_test(test_an_entry_told_to_another_table_is_the_same_there),
		cmocka_unit_test(test_the_table_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
