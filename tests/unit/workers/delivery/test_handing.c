/* What is in force for a domain goes with it to the site that is lent to it, and ends there when that is another's. */
#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/shaper.h"

static struct shaper *shaper;

static int setup(void **state)
{
	static const struct shaping_settings none = {.shipped = false};
	struct why why;
	(void)state;
	world_open("sites: {default: {tls: none}}\n");
	const struct shaper_options options = {
		.loop = world.loop, .settings = &none, .sites = &world.settings->routing.sites};
	assert_int_equal(shaper_new(&options, &shaper, &why), OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	shaper_free(&shaper);
	world_close();
	return 0;
}

static void fire(enum shaping_action action, const char *site, int64_t value)
{
	const struct shaping_fired fired = {.action = action,
					    .rule = "known",
					    .text = "",
					    .value = value,
					    .until_ms = loop_now_ms(world.loop) + 60000,
					    .period_ms = 60000};
	struct shaping_facts facts = {.site = site,
				      .source = "out1",
				      .host = "",
				      .tenant = "acme",
				      .campaign = "",
				      .step = "",
				      .code = 450,
				      .text = BYTES("not so fast")};
	shaper_heard(shaper, &fired, &facts);
}

static unsigned percent(const char *site)
{
	struct shaping_answer answer;
	shaper_ask(shaper, "out1", site, &answer);
	return answer.rate_percent;
}

static void count(void *owner, const struct shaping_entry *entry)
{
	(void)entry;
	(*(size_t *)owner)++;
}

static size_t entries_of(const char *site)
{
	size_t entries = 0;
	shaper_each(shaper, site, count, &entries);
	return entries;
}

static void test_what_is_in_force_goes_along_and_is_not_stronger_there(void **state)
{
	(void)state;
	fire(SHAPING_PARK_SITE, "a.example", 1);
	fire(SHAPING_SLOW_BY, "a.example", 60);
	fire(SHAPING_SUSPEND_TENANT, "a.example", 1);
	fire(SHAPING_PARK_SITE, "b.example", 1);
	for (int i = 0; i < 2; i++) { /* the second time it is there */
		shaper_hand_over(shaper, "a.example", "lent-1");
		int64_t closed_ms = shaper_site_closed_ms(shaper, "lent-1");
		assert_true(closed_ms > 50000 && closed_ms <= 60000);
		assert_int_equal(percent("lent-1"), 40);
		assert_int_equal(entries_of("lent-1"), 3);
	}
	assert_int_equal(entries_of("a.example"), 3);
	shaper_hand_over(shaper, "c.example", "lent-2");
	assert_int_equal(entries_of("lent-2"), 0);
}

static void test_the_next_domain_has_nothing_of_it(void **state)
{
	(void)state;
	fire(SHAPING_PARK_SITE, "lent-1", 1);
	fire(SHAPING_SLOW_BY, "lent-1", 60);
	fire(SHAPING_PARK_SITE, "lent-2", 1);
	shaper_forget(shaper, "lent-1");
	assert_int_equal(entries_of("lent-1"), 0);
	assert_int_equal(shaper_site_closed_ms(shaper, "lent-1"), 0);
	assert_true(shaper_site_closed_ms(shaper, "lent-2") > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_in_force_goes_along_and_is_not_stronger_there),
		TEST(test_the_next_domain_has_nothing_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
