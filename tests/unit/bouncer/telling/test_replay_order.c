/* What a replay is asked for. */
#include "bouncer/telling/replays.h"
#include "tests/check.h"

#define NOW INT64_C(1795252800000)

static enum err read(const char *since, const char *until, const char *kinds,
		     struct replay_order *ret)
{
	struct why why;
	return replay_order_read(bytes_of(since), bytes_of(until), bytes_of(kinds), NOW, ret, &why);
}

static void test_times_are_instants_or_how_long_ago(void **state)
{
	struct replay_order order;
	(void)state;
	assert_int_equal(read("2h", "", "", &order), OK);
	assert_int_equal(order.since_wall_ms, NOW - 7200000);
	assert_int_equal(order.until_wall_ms, NOW);
	assert_int_equal(order.kinds, 0);
	assert_int_equal(read("1970-01-01T00:00:01Z", "5m", "", &order), OK);
	assert_int_equal(order.since_wall_ms, 1000);
	assert_int_equal(order.until_wall_ms, NOW - 300000);
}

static void test_kinds_are_joined_by_commas(void **state)
{
	struct replay_order order;
	(void)state;
	assert_int_equal(read("1h", "", "bounced, complained", &order), OK);
	assert_int_equal(order.kinds, 1u << EVENT_BOUNCED | 1u << EVENT_COMPLAINED);
}

static void test_what_is_not_understood_is_refused(void **state)
{
	struct replay_order order;
	(void)state;
	assert_int_equal(read("", "", "", &order), E_MALFORMED);
	assert_int_equal(read("yesterday", "", "", &order), E_MALFORMED);
	assert_int_equal(read("1h", "soon", "", &order), E_MALFORMED);
	assert_int_equal(read("1h", "", "mishap", &order), E_MALFORMED);
	assert_int_equal(read("1h", "", "bounced,,complained", &order), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_are_instants_or_how_long_ago),
		cmocka_unit_test(test_kinds_are_joined_by_commas),
		cmocka_unit_test(test_what_is_not_understood_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
