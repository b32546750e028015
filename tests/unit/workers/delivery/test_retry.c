/* Waits between attempts. */
#include "tests/check.h"

#include "workers/delivery/retry.h"

static void test_waits_grow_by_the_factor_up_to_the_maximum_and_are_spread(void **state)
{
	static const struct {
		struct retry_settings retry;
		uint32_t attempt;
		double random;
		int64_t wait;
	} cases[] = {
		{{.first = 60, .factor = 2, .max = 1000, .jitter = 20}, 1, 0.5, 60},
		{{.first = 60, .factor = 2, .max = 1000, .jitter = 20}, 2, 0.5, 120},
		{{.first = 60, .factor = 2, .max = 1000, .jitter = 20}, 5, 0.5, 960},
		{{.first = 60, .factor = 2, .max = 1000, .jitter = 20}, 6, 0.5, 1000},
		{{.first = 60, .factor = 2, .max = 1000, .jitter = 20}, UINT32_MAX, 0.5, 1000},
		{{.first = 100, .factor = 1, .max = 1000, .jitter = 0}, UINT32_MAX, 0.9, 100},
		{{.first = 100, .factor = 1.5, .max = 1000, .jitter = 0}, 3, 0, 225},
		{{.first = 1000, .factor = 2, .max = 1000, .jitter = 20}, 1, 0, 800},
		{{.first = 1000, .factor = 2, .max = 1000, .jitter = 50}, 1, 0.75, 1250},
		{{.first = 1000, .factor = 2, .max = 1000, .jitter = 0}, 0, 0.5, 1000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(retry_wait_ms(&cases[i].retry, cases[i].attempt, cases[i].random),
				 cases[i].wait);
}

static void test_listed_waits_come_one_after_the_other_and_the_last_repeats(void **state)
{
	const char *items[] = {"1m", "5m", "1h"};
	struct retry_settings retry = {.first = 7, .max = 9, .factor = 3, .waits = {items, 3}};
	(void)state;
	assert_int_equal(retry_wait_ms(&retry, 0, 0.5), 60000);
	assert_int_equal(retry_wait_ms(&retry, 1, 0.5), 60000);
	assert_int_equal(retry_wait_ms(&retry, 2, 0.5), 300000);
	assert_int_equal(retry_wait_ms(&retry, 3, 0.5), 3600000);
	assert_int_equal(retry_wait_ms(&retry, UINT32_MAX, 0.5), 3600000);
	retry.jitter = 20;
	assert_int_equal(retry_wait_ms(&retry, 2, 0), 240000);
}

static void test_a_listed_wait_is_a_duration_of_a_second_to_a_month(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* 0: refused */
	} cases[] = {{"1s", 1000}, {"15m", 900000}, {"30d", RETRY_WAIT_MAX_MS},
		     {"31d", 0},   {"999ms", 0},    {"0", 0},
		     {"", 0},	   {"soon", 0},	    {"-1m", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ms = 0;
		assert_int_equal(retry_wait_parse(cases[i].text, &ms), cases[i].ms > 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void test_a_message_may_choose_its_schedule(void **state)
{
	struct retry_settings items[] = {{.name = "default"}, {.name = "otp"}, {.name = "slow"}};
	struct conf_items schedules = {items, 3};
	(void)state;
	assert_ptr_equal(retry_chosen(&schedules, BYTES("otp"), "slow"), &items[1]);
	assert_ptr_equal(retry_chosen(&schedules, BYTES("nosuch"), "slow"), &items[2]);
	assert_ptr_equal(retry_chosen(&schedules, BYTES_NONE, "slow"), &items[2]);
	assert_ptr_equal(retry_chosen(&schedules, BYTES_NONE, "gone"), &items[0]);
}

static void test_an_unknown_schedule_is_the_default_one(void **state)
{
	struct retry_settings items[] = {{.name = "default"}, {.name = "otp"}};
	struct conf_items schedules = {items, 2};
	(void)state;
	assert_ptr_equal(retry_named(&schedules, "otp"), &items[1]);
	assert_ptr_equal(retry_named(&schedules, "nosuch"), &items[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_grow_by_the_factor_up_to_the_maximum_and_are_spread),
		cmocka_unit_test(test_listed_waits_come_one_after_the_other_and_the_last_repeats),
		cmocka_unit_test(test_a_listed_wait_is_a_duration_of_a_second_to_a_month),
		cmocka_unit_test(test_a_message_may_choose_its_schedule),
		cmocka_unit_test(test_an_unknown_schedule_is_the_default_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
