/* Learned numbers of sessions, against a host that allows so many and no more. */
#include "tests/check.h"

#include "lib/shaping/feedback.h"

#include <stdlib.h>

static const struct feedback_limits limits = {.start = 3, .most = 100, .cohorts = 1.0};

struct trial {
	unsigned tried, deferred, sessions_sum, rounds;
};

/* Rounds in which every session that is allowed is opened; the host takes `allowed` of them. */
static struct trial rounds(struct feedback *feedback, unsigned allowed, unsigned count)
{
	struct trial trial = {.rounds = count};
	for (unsigned i = 0; i < count; i++) {
		unsigned open = feedback->sessions;
		trial.sessions_sum += open;
		for (unsigned k = 0; k < open; k++) {
			trial.tried++;
			if (k < allowed) {
				feedback_success(feedback, &limits, open);
			} else {
				trial.deferred++;
				feedback_trouble(feedback, &limits);
			}
		}
		if (feedback_is_dead(feedback))
			feedback_probe(feedback);
	}
	return trial;
}

static void test_it_settles_at_what_the_host_allows(void **state)
{
	static const unsigned allowed[] = {1, 2, 5, 10, 20, 50};
	(void)state;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		struct feedback feedback;
		feedback_start(&feedback, &limits);
		struct trial start = rounds(&feedback, allowed[i], 200);
		struct trial later = rounds(&feedback, allowed[i], 1000);
		double sessions = (double)later.sessions_sum / later.rounds;
		assert_true(sessions >= allowed[i] * 0.9 && sessions <= allowed[i] + 1);
		assert_true(later.deferred * 50 < later.tried); /* 2 % */
		assert_true(start.deferred * 12 < start.tried); /* 8 %, while it learns */
	}
}

static void test_it_starts_low_and_needs_a_round_for_each_step(void **state)
{
	struct feedback feedback;
	(void)state;
	feedback_start(&feedback, &limits);
	assert_int_equal(feedback.sessions, 3);
	feedback_success(&feedback, &limits, 3);
	feedback_success(&feedback, &limits, 3);
	assert_int_equal(feedback.sessions, 3);
	feedback_success(&feedback, &limits, 3);
	assert_int_equal(feedback.sessions, 4);
}

static void test_the_first_trouble_takes_one_away_and_a_round_the_next(void **state)
{
	struct feedback feedback;
	(void)state;
	feedback_start(&feedback, &limits);
	feedback.sessions = 10;
	feedback_trouble(&feedback, &limits);
	assert_int_equal(feedback.sessions, 9);
	for (int i = 0; i < 5; i++)
		feedback_trouble(&feedback, &limits);
	assert_int_equal(feedback.sessions, 9);
}

static void test_a_round_of_troubles_without_success_is_death_and_a_probe_life(void **state)
{
	struct feedback feedback;
	(void)state;
	feedback_start(&feedback, &limits);
	for (int i = 0; i < 10; i++)
		feedback_trouble(&feedback, &limits);
	assert_true(feedback_is_dead(&feedback));
	feedback_trouble(&feedback, &limits);
	assert_true(feedback_is_dead(&feedback));
	feedback_probe(&feedback);
	assert_int_equal(feedback.sessions, 1);
	feedback_success(&feedback, &limits, 1);
	assert_int_equal(feedback.sessions, 2);
}

static void test_a_host_that_allows_more_is_noticed(void **state)
{
	struct feedback feedback;
	(void)state;
	feedback_start(&feedback, &limits);
	(void)rounds(&feedback, 5, 500);
	struct trial more = rounds(&feedback, 30, 800);
	assert_true(feedback.sessions >= 27 && feedback.sessions <= 31);
	assert_true(more.deferred * 50 < more.tried);
	(void)rounds(&feedback, 4, 200); /* and less */
	assert_true(feedback.sessions <= 5);
}

static void test_who_uses_few_gets_no_more(void **state)
{
	struct feedback feedback;
	(void)state;
	feedback_start(&feedback, &limits);
	for (int i = 0; i < 1000; i++)
		feedback_success(&feedback, &limits, 2);
	assert_int_equal(feedback.sessions, 6); /* what is open, what it starts with, and one */
	for (int i = 0; i < 1000000; i++)
		feedback_success(&feedback, &limits, 100);
	assert_int_equal(feedback.sessions, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_settles_at_what_the_host_allows),
		cmocka_unit_test(test_it_starts_low_and_needs_a_round_for_each_step),
		cmocka_unit_test(test_the_first_trouble_takes_one_away_and_a_round_the_next),
		cmocka_unit_test(
			test_a_round_of_troubles_without_success_is_death_and_a_probe_life),
		cmocka_unit_test(test_a_host_that_allows_more_is_noticed),
		cmocka_unit_test(test_who_uses_few_gets_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
