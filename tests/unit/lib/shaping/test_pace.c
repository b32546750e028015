/* Learned rates, against a host that takes so many a minute and says so. */
#include "tests/check.h"

#include "lib/shaping/pace.h"

#define MINUTE 60000

struct host { /* takes `allowed` in each minute by the clock */
	unsigned allowed, taken;
	int64_t minute;
};

static bool takes(struct host *host, int64_t now_ms)
{
	if (host->minute != now_ms / MINUTE)
		host->taken = 0;
	host->minute = now_ms / MINUTE;
	return host->taken++ < host->allowed;
}

struct trial {
	unsigned taken, deferred;
};

/* Mail is always there; the sender's own speed is at most one message per step_ms. */
static struct trial send_for(struct pace *pace, struct host *host, int64_t *now_ms, int64_t for_ms,
			     int64_t step_ms)
{
	struct trial trial = {0};
	int64_t end_ms = *now_ms + for_ms;
	while (*now_ms < end_ms) {
		int64_t wait_ms = pace_take(pace, *now_ms);
		*now_ms += wait_ms > 0 ? wait_ms : step_ms;
		if (wait_ms > 0)
			continue;
		if (takes(host, *now_ms)) {
			trial.taken++;
			pace_accepted(pace, *now_ms);
		} else {
			trial.deferred++;
			(void)pace_limited(pace, *now_ms);
		}
	}
	return trial;
}

static void test_it_settles_below_what_the_host_takes(void **state)
{
	static const unsigned allowed[] = {10, 60, 600, 3000};
	(void)state;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		struct pace pace;
		struct host host = {.allowed = allowed[i], .minute = -1};
		int64_t now_ms = 1000000;
		pace_start(&pace, now_ms);
		int64_t step_ms = 60000 / (int64_t)allowed[i] / 4; /* four times what it may */
		(void)send_for(&pace, &host, &now_ms, 5LL * MINUTE, step_ms);
		struct trial later = send_for(&pace, &host, &now_ms, 60LL * MINUTE, step_ms);
		assert_true(later.taken > allowed[i] * 60 * 8 / 10);
		assert_true(later.deferred * 20 < later.taken);
	}
}

static void test_nothing_is_held_back_while_no_limit_is_known(void **state)
{
	struct pace pace;
	(void)state;
	pace_start(&pace, 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(pace_take(&pace, 0), 0);
	assert_true(pace_per_minute(&pace) <= 0);
}

static void test_replies_on_the_heels_of_one_another_count_once(void **state)
{
	struct pace pace;
	(void)state;
	pace_start(&pace, 0);
	for (int i = 0; i < 100; i++)
		pace_accepted(&pace, 30000);
	assert_true(pace_limited(&pace, 31000));
	double first = pace_per_minute(&pace);
	assert_true(first > 80 && first < 90);
	assert_false(pace_limited(&pace, 31500));
	assert_true(pace_per_minute(&pace) >= first);
	for (int i = 0; i < 40; i++)
		pace_accepted(&pace, 60000 + i * 700);
	assert_true(pace_limited(&pace, 90000));
	assert_true(pace_per_minute(&pace) < first);
}

static void test_a_limit_without_such_replies_is_forgotten(void **state)
{
	struct pace pace;
	(void)state;
	pace_start(&pace, 0);
	assert_true(pace_limited(&pace, 1000));
	assert_true(pace_take(&pace, 1001) > 0);
	assert_int_equal(pace_take(&pace, 7LL * 60 * MINUTE), 0);
	assert_true(pace_per_minute(&pace) <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_settles_below_what_the_host_takes),
		cmocka_unit_test(test_nothing_is_held_back_while_no_limit_is_known),
		cmocka_unit_test(test_replies_on_the_heels_of_one_another_count_once),
		cmocka_unit_test(test_a_limit_without_such_replies_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
