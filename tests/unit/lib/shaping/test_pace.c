/* Learned rates, against a host that takes so many a minute and says so. */
#include "tests/check.h"

#include "lib/shaping/pace.h"

#define MINUTE 60000

struct host { /* takes `allowed` in each minute by the clock */
	unsigned allowed, taken;
	int64_t minute;
	bool is_bucket;
	double credit;
	int64_t filled_ms;
};

/* Or in any minute: a bucket that fills evenly, and holds a tenth of a minute's. */
static bool bucket_takes(struct host *host, int64_t now_ms)
{
	double most = host->allowed / 10.0 + 1;
	host->credit += (double)(now_ms - host->filled_ms) * host->allowed / MINUTE;
	host->credit = host->credit > most ? most : host->credit;
	host->filled_ms = now_ms;
	if (host->credit < 1)
		return false;
	host->credit -= 1;
	return true;
}

static bool takes(struct host *host, int64_t now_ms)
{
	if (host->is_bucket)
		return bucket_takes(host, now_ms);
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
	for (size_t i = 0; i < 2 * sizeof allowed / sizeof *allowed; i++) {
		struct pace pace;
		struct host host = {
			.allowed = allowed[i / 2], .minute = -1, .is_bucket = i % 2 == 1};
		int64_t now_ms = 1000000;
		pace_start(&pace, now_ms);
		int64_t step_ms = 60000 / (int64_t)host.allowed / 4; /* four times what it may */
		(void)send_for(&pace, &host, &now_ms, 5LL * MINUTE, step_ms);
		struct trial later = send_for(&pace, &host, &now_ms, 60LL * MINUTE, step_ms);
		assert_true(later.taken > host.allowed * 60 * 9 / 10);
		assert_true(later.deferred * 20 < later.taken);
	}
}

static void test_a_rate_is_told_from_the_time_there_was(void **state)
{
	struct pace pace;
	(void)state;
	pace_start(&pace, 0);
	for (int i = 0; i < 10; i++)
		pace_accepted(&pace, i * 1000);
	assert_true(pace_limited(&pace, 10000)); /* ten in ten seconds are sixty a minute */
	assert_true(pace_per_minute(&pace) > 45 && pace_per_minute(&pace) < 60);
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
	assert_true(pace_limited(&pace, 60000));
	double first = pace_per_minute(&pace);
	assert_true(first > 85 && first < 95);
	assert_false(pace_limited(&pace, 60500));
	assert_true(pace_per_minute(&pace) >= first);
	for (int i = 0; i < 40; i++)
		pace_accepted(&pace, 80000 + i * 700);
	assert_true(pace_limited(&pace, 120000));
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

/* A host that takes a burst and then asks for less has said little of what it takes in a minute. */
static void test_what_the_first_seconds_told_is_found_again_soon(void **state)
{
	struct pace pace;
	struct host host = {.allowed = 1200, .minute = -1, .is_bucket = true};
	int64_t now_ms = 1000000;
	(void)state;
	host.filled_ms = now_ms - MINUTE;
	pace_start(&pace, now_ms);
	(void)send_for(&pace, &host, &now_ms, 30000, 5);
	struct trial later = send_for(&pace, &host, &now_ms, MINUTE, 5);
	assert_true(later.taken > 1200 * 8 / 10);
	assert_true(later.deferred * 20 < later.taken);
}

static void test_a_search_ends_when_nothing_is_sent(void **state)
{
	struct pace pace;
	(void)state;
	pace_start(&pace, 0);
	assert_true(pace_limited(&pace, 1000));
	(void)pace_take(&pace, 5LL * 60 * MINUTE);
	assert_true(pace_per_minute(&pace) < 1e20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_settles_below_what_the_host_takes),
		cmocka_unit_test(test_a_rate_is_told_from_the_time_there_was),
		cmocka_unit_test(test_nothing_is_held_back_while_no_limit_is_known),
		cmocka_unit_test(test_replies_on_the_heels_of_one_another_count_once),
		cmocka_unit_test(test_a_limit_without_such_replies_is_forgotten),
		cmocka_unit_test(test_what_the_first_seconds_told_is_found_again_soon),
		cmocka_unit_test(test_a_search_ends_when_nothing_is_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
