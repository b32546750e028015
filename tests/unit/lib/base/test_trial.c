/* A build with trials dies and misbehaves as asked; one without them does neither, whatever the environment says. */
#include "tests/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/trial.h"

#ifdef LEVERET_TRIALS
static const bool has_trials = true;
#else
static const bool has_trials = false;
#endif

enum { PASSED_ALL = 77 };

/* Whether a process that passes other, point, point, point dies of it. */
static bool dies(const char *crash, int points)
{
	pid_t child = fork();
	if (child == 0) {
		if (crash)
			setenv("LEVERET_CRASH", crash, 1);
		else
			unsetenv("LEVERET_CRASH");
		CRASH_POINT("other");
		for (int i = 0; i < points; i++)
			CRASH_POINT("point");
		_exit(PASSED_ALL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), PASSED_ALL);
	return false;
}

static void test_a_process_dies_at_the_passing_that_was_asked_for(void **state)
{
	(void)state;
	static const struct {
		const char *crash;
		int points;
		bool is_deadly;
	} cases[] = {
		{NULL, 3, false},      {"", 3, false},	      {"poin", 3, false},
		{"points", 3, false},  {"point", 0, false},   {"point", 1, true},
		{"point:1", 1, true},  {"point:3", 2, false}, {"point:3", 3, true},
		{"point:3", 9, true},  {"point:4", 3, false}, {"other:2", 3, false},
		{"point:0", 3, false}, {"point:x", 3, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(dies(cases[i].crash, cases[i].points),
				 has_trials && cases[i].is_deadly);
}

static void *pass_often(void *owner)
{
	(void)owner;
	for (int i = 0; i < 1000; i++)
		CRASH_POINT("point");
	return NULL;
}

/* Of 4,000 passings on four threads the last is counted as such: none is lost. */
static void pass_on_threads(const char *crash)
{
	setenv("LEVERET_CRASH", crash, 1);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, pass_often, NULL))
			_exit(1);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	_exit(PASSED_ALL);
}

static void test_passings_are_counted_over_all_threads(void **state)
{
	(void)state;
	static const struct {
		const char *crash;
		bool is_deadly;
	} cases[] = {{"point:4000", true}, {"point:4001", false}};
	for (size_t i = 0; i < 2; i++) {
		pid_t child = fork();
		if (child == 0)
			pass_on_threads(cases[i].crash);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(WIFSIGNALED(status), has_trials && cases[i].is_deadly);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == PASSED_ALL);
	}
}

static void test_only_the_named_mutants_are_on(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		bool is_on;
	} cases[] = {{"", false},     {"nosync", true},	  {"a,nosync", true}, {"nosync,a", true},
		     {"nosy", false}, {"nosyncs", false}, {",,nosync", true}, {"a,b", false}};
	unsetenv("LEVERET_MUTANT");
	assert_false(MUTANT("nosync"));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		setenv("LEVERET_MUTANT", cases[i].list, 1);
		assert_int_equal(MUTANT("nosync"), has_trials && cases[i].is_on);
	}
	unsetenv("LEVERET_MUTANT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process_dies_at_the_passing_that_was_asked_for),
		cmocka_unit_test(test_passings_are_counted_over_all_threads),
		cmocka_unit_test(test_only_the_named_mutants_are_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
