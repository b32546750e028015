/* The form of questions. */
#include "broker/questions.h"

#include "tests/check.h"

static void test_a_question_is_its_kind_and_the_rest(void **state)
{
	struct bytes kind, rest;
	(void)state;
	assert_true(question_split(BYTES("shaping\n{\"id\":1}\n"), &kind, &rest));
	assert_true(bytes_equal(kind, BYTES("shaping")));
	assert_true(bytes_equal(rest, BYTES("{\"id\":1}\n")));
	assert_true(question_split(BYTES("shaping\n"), &kind, &rest));
	assert_int_equal(rest.len, 0);
}

static void test_what_has_no_kind_is_no_question(void **state)
{
	struct bytes kind, rest;
	(void)state;
	assert_false(question_split(BYTES(""), &kind, &rest));
	assert_false(question_split(BYTES("shaping"), &kind, &rest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_question_is_its_kind_and_the_rest),
		cmocka_unit_test(test_what_has_no_kind_is_no_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
