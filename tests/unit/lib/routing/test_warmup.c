/* What a new source may send, day by day. */
#include "tests/check.h"

#include "lib/base/clock.h"
#include "lib/routing/warmup.h"

static int64_t at(const char *text)
{
	int64_t wall_ms;
	assert_true(clock_parse_rfc3339(bytes_of(text), &wall_ms));
	return wall_ms;
}

static void test_a_warm_source_has_no_such_limit(void **state)
{
	(void)state;
	struct warmup_settings warmup = {.since = ""};
	assert_int_equal(warmup_rate(&warmup, at("2026-11-21T09:00:00Z")), 0);
}

static void test_the_built_in_curve_grows_each_day_and_ends(void **state)
{
	(void)state;
	struct warmup_settings warmup = {.since = "2026-11-01"};
	assert_int_equal(warmup_rate(&warmup, at("2026-10-30T09:00:00Z")), 50);
	assert_int_equal(warmup_rate(&warmup, at("2026-11-01T00:00:00Z")), 50);
	assert_int_equal(warmup_rate(&warmup, at("2026-11-02T00:00:00Z")), 70);
	assert_int_equal(warmup_rate(&warmup, at("2026-12-01T00:00:00Z")), 0);
	for (unsigned day = 1; day < WARMUP_DAYS; day++) {
		assert_true(warmup_built_in(day) > warmup_built_in(day - 1));
		assert_true(warmup_built_in(day) < 2 * warmup_built_in(day - 1));
	}
	assert_in_range(warmup_built_in(WARMUP_DAYS - 1), 800000, 900000);
}

static void test_a_curve_of_ones_own(void **state)
{
	(void)state;
	const char *days[] = {"10/d", "1/h"};
	struct warmup_settings warmup = {.since = "2026-11-01", .per_site = {days, 2}};
	assert_int_equal(warmup_rate(&warmup, at("2026-11-01T23:59:59Z")), 10);
	assert_int_equal(warmup_rate(&warmup, at("2026-11-02T00:00:00Z")), 24);
	assert_int_equal(warmup_rate(&warmup, at("2026-11-03T00:00:00Z")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_warm_source_has_no_such_limit),
		cmocka_unit_test(test_the_built_in_curve_grows_each_day_and_ends),
		cmocka_unit_test(test_a_curve_of_ones_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
