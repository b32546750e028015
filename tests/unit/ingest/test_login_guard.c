/* Guessing passwords: counted by address, forgotten after a while, bounded. */
#include "tests/check.h"

#include <stdio.h>

#include "ingest/login_guard.h"

static struct net_address address_of(const char *text)
{
	struct net_address address;
	assert_true(net_address_parse(text, 25, &address));
	return address;
}

static void fail_with(struct login_guard *guard, const struct net_address *address, int64_t now_ms,
		      uint64_t guess)
{
	assert_true(login_guard_enter(guard, address, now_ms));
	login_guard_leave(guard, address, now_ms, &guess);
}

static void fail_once(struct login_guard *guard, const struct net_address *address, int64_t now_ms)
{
	static uint64_t guess;
	fail_with(guard, address, now_ms, ++guess);
}

static void test_failures_count_until_a_pause(void **state)
{
	struct login_guard *guard = login_guard_new();
	struct net_address a = address_of("192.0.2.1"), b = address_of("192.0.2.2");
	(void)state;
	fail_once(guard, &a, 0);
	fail_once(guard, &a, 1000);
	assert_int_equal(login_guard_failures(guard, &a, 1000), 2);
	assert_int_equal(login_guard_failures(guard, &b, 1000), 0);
	assert_true(login_guard_enter(guard, &a, 1000)); /* a login that works excuses nothing */
	login_guard_leave(guard, &a, 1000, NULL);
	assert_int_equal(login_guard_failures(guard, &a, 1000 + LOGIN_GUARD_WINDOW_MS), 2);
	assert_int_equal(login_guard_failures(guard, &a, 1001 + LOGIN_GUARD_WINDOW_MS), 0);
	login_guard_free(&guard);
}

static void test_the_same_wrong_password_again_is_no_guessing(void **state)
{
	struct login_guard *guard = login_guard_new();
	struct net_address a = address_of("192.0.2.1");
	(void)state;
	for (int i = 0; i < 50; i++)
		fail_with(guard, &a, i, 7);
	assert_int_equal(login_guard_failures(guard, &a, 50), 1);
	fail_with(guard, &a, 51, 8);
	assert_int_equal(login_guard_failures(guard, &a, 51), 2);
	login_guard_free(&guard);
}

static void test_a_customers_network_is_one_client(void **state)
{
	struct login_guard *guard = login_guard_new();
	struct net_address a = address_of("[2001:db8::1]:25"), b = address_of("[2001:db8::2]:25");
	struct net_address c = address_of("[2001:db8:0:1::2]:25"), v4 = address_of("192.0.2.1");
	struct net_address mapped = address_of("[::ffff:192.0.2.1]:25");
	(void)state;
	fail_once(guard, &a, 0);
	fail_once(guard, &v4, 0);
	assert_int_equal(login_guard_failures(guard, &b, 0), 1);
	assert_int_equal(login_guard_failures(guard, &c, 0), 0);
	assert_int_equal(login_guard_failures(guard, &mapped, 0), 1);
	login_guard_free(&guard);
}

static void test_only_some_checks_are_under_way_for_one_address(void **state)
{
	struct login_guard *guard = login_guard_new();
	struct net_address a = address_of("192.0.2.1");
	(void)state;
	for (int i = 0; i < LOGIN_GUARD_AT_ONCE; i++)
		assert_true(login_guard_enter(guard, &a, 0));
	assert_false(login_guard_enter(guard, &a, 0));
	login_guard_leave(guard, &a, 0, NULL);
	assert_true(login_guard_enter(guard, &a, 0));
	login_guard_free(&guard);
}

static void test_the_oldest_makes_room(void **state)
{
	struct login_guard *guard = login_guard_new();
	struct net_address address, first = address_of("10.0.0.0");
	(void)state;
	for (unsigned i = 0; i <= LOGIN_GUARD_ENTRIES; i++) {
		char text[40];
		snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		address = address_of(text);
		fail_once(guard, &address, i);
	}
	assert_int_equal(login_guard_failures(guard, &first, LOGIN_GUARD_ENTRIES), 0);
	assert_int_equal(login_guard_failures(guard, &address, LOGIN_GUARD_ENTRIES), 1);
	login_guard_free(&guard);
}

static void test_each_failure_costs_more_time_up_to_a_limit(void **state)
{
	(void)state;
	assert_int_equal(login_guard_delay_ms(1), 1000);
	assert_int_equal(login_guard_delay_ms(2), 2000);
	assert_int_equal(login_guard_delay_ms(4), 8000);
	assert_int_equal(login_guard_delay_ms(4000000000U), 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures_count_until_a_pause),
		cmocka_unit_test(test_the_same_wrong_password_again_is_no_guessing),
		cmocka_unit_test(test_a_customers_network_is_one_client),
		cmocka_unit_test(test_only_some_checks_are_under_way_for_one_address),
		cmocka_unit_test(test_the_oldest_makes_room),
		cmocka_unit_test(test_each_failure_costs_more_time_up_to_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
