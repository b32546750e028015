/* Helpers: real programs (sh, cat), with what they can do wrong. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/loop/helper.h"

struct fixture {
	struct loop *loop;
	struct timer *limit;
	struct helper *helper;
	unsigned answer_count, wanted_count, failure_count;
	enum err err;
	char answers[1000], why[200];
};

static void on_limit(void *owner)
{
	loop_stop(owner);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->loop = loop_new();
	f->limit = timer_new(f->loop, on_limit, f->loop);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	helper_free(&f->helper);
	timer_free(&f->limit);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static void on_failed(void *owner, const char *why)
{
	struct fixture *f = owner;
	f->failure_count++;
	(void)snprintf(f->why, sizeof f->why, "%s", why);
}

static void begin(struct fixture *f, const char *script)
{
	static const char *command[3] = {"sh", "-c"};
	command[2] = script;
	struct helper_options options = {.loop = f->loop,
					 .command = command,
					 .word_count = 3,
					 .answer_max = 100,
					 .questions_max = 3,
					 .timeout_ms = 300,
					 .failed = on_failed,
					 .owner = f};
	f->helper = helper_new(&options);
}

static void on_answer(void *owner, enum err err, struct bytes line)
{
	struct fixture *f = owner;
	size_t len = strlen(f->answers);
	f->err = err;
	(void)snprintf(f->answers + len, sizeof f->answers - len, "%.*s|", BYTES_ARGS(line));
	if (++f->answer_count == f->wanted_count)
		loop_stop(f->loop);
}

static enum err ask(struct fixture *f, const char *line)
{
	struct helper_question *question;
	return helper_ask(f->helper, bytes_of(line), on_answer, f, &question);
}

static void run_for(struct fixture *f, int64_t ms)
{
	timer_start(f->limit, ms);
	loop_run(f->loop);
}

static void run_until(struct fixture *f, unsigned count)
{
	f->wanted_count = count;
	run_for(f, 5000);
	assert_int_equal(f->answer_count, count);
}

static void test_answers_come_in_the_order_of_the_questions(void **state)
{
	struct fixture *f = *state;
	begin(f, "while read -r line; do echo \"<$line>\"; done");
	assert_int_equal(ask(f, "one"), OK);
	assert_int_equal(ask(f, "two"), OK);
	assert_int_equal(ask(f, ""), OK);
	assert_int_equal(ask(f, "too many"), E_FULL);
	assert_int_equal(f->answer_count, 0);
	run_until(f, 3);
	assert_string_equal(f->answers, "<one>|<two>|<>|");
	assert_int_equal(ask(f, "three"), OK);
	run_until(f, 4);
	assert_int_equal(f->failure_count, 0);
}

static void test_who_is_too_late_is_ended_and_started_again(void **state)
{
	struct fixture *f = *state;
	begin(f, "read -r line; sleep 60");
	assert_int_equal(ask(f, "one"), OK);
	assert_int_equal(ask(f, "two"), OK);
	run_until(f, 2);
	assert_int_equal(f->err, E_TIMEOUT);
	assert_int_equal(ask(f, "three"), E_AWAY);
	assert_non_null(strstr(f->why, "in time"));
	run_for(f, 1500);
	assert_int_equal(ask(f, "four"), OK);
	run_until(f, 3);
	assert_int_equal(f->failure_count, 2);
}

static void test_who_ends_is_started_again_after_longer_and_longer(void **state)
{
	struct fixture *f = *state;
	begin(f, "exit 3");
	run_for(f, 500);
	assert_int_equal(f->failure_count, 1);
	assert_true(strstr(f->why, "code 3") || strstr(f->why, "closed"));
	run_for(f, 1000);
	assert_int_equal(f->failure_count, 2);
	run_for(f, 1400);
	assert_int_equal(f->failure_count, 2);
}

static void test_a_question_in_hand_ends_with_the_program(void **state)
{
	struct fixture *f = *state;
	begin(f, "read -r line; exit 1");
	assert_int_equal(ask(f, "one"), OK);
	run_until(f, 1);
	assert_int_equal(f->err, E_CLOSED);
	assert_string_equal(f->answers, "|");
}

static void test_what_is_no_answer_ends_it(void **state)
{
	static const char *const scripts[] = {
		"echo unasked; sleep 60",
		"read -r line; head -c 200 /dev/zero; sleep 60",
	};
	static const char *const whys[] = {"without being asked", "too long"};
	struct fixture *f = *state;
	for (size_t i = 0; i < 2; i++) {
		begin(f, scripts[i]);
		if (i == 1)
			assert_int_equal(ask(f, "one"), OK);
		run_for(f, 250);
		assert_int_equal(f->failure_count, i + 1);
		assert_non_null(strstr(f->why, whys[i]));
		helper_free(&f->helper);
	}
}

static void test_a_program_that_is_not_there_is_no_reason_to_end(void **state)
{
	static const char *const command[] = {"/nowhere/at/all"};
	struct fixture *f = *state;
	struct helper_options options = {.loop = f->loop,
					 .command = command,
					 .word_count = 1,
					 .answer_max = 100,
					 .questions_max = 3,
					 .timeout_ms = 300,
					 .failed = on_failed,
					 .owner = f};
	f->helper = helper_new(&options);
	assert_int_equal(f->failure_count, 1);
	assert_int_equal(ask(f, "one"), E_AWAY);
}

static void test_a_forgotten_question_keeps_its_place(void **state)
{
	struct fixture *f = *state;
	struct helper_question *question;
	begin(f, "while read -r line; do echo \"<$line>\"; done");
	assert_int_equal(helper_ask(f->helper, BYTES("one"), on_answer, f, &question), OK);
	assert_int_equal(ask(f, "two"), OK);
	helper_forget(&question);
	helper_forget(&question);
	run_until(f, 1);
	assert_string_equal(f->answers, "<two>|");
	assert_int_equal(ask(f, "three"), OK); /* freed with it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_answers_come_in_the_order_of_the_questions),
		T(test_who_is_too_late_is_ended_and_started_again),
		T(test_who_ends_is_started_again_after_longer_and_longer),
		T(test_a_question_in_hand_ends_with_the_program),
		T(test_what_is_no_answer_ends_it),
		T(test_a_program_that_is_not_there_is_no_reason_to_end),
		T(test_a_forgotten_question_keeps_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
