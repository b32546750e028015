/* The question and the answer of a login: what is asked is one line, what is answered may be wrong in any way. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "ingest/http/login_form.h"

static void test_a_question_is_one_line_whatever_it_holds(void **state)
{
	struct login_question question = {BYTES("a\"\n\x01"), BYTES("p\r\n\xc3\xa4"), "192.0.2.7",
					  "submission"};
	struct buf out;
	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(login_question_write(&question, &out), OK);
	assert_true(bytes_is(buf_bytes(&out),
			     "{\"user\":\"a\\\"\\n\\u0001\",\"password\":\"p\\r\\n\xc3\xa4\","
			     "\"address\":\"192.0.2.7\",\"listener\":\"submission\"}"));
	question.password = BYTES("\xff");
	assert_int_equal(login_question_write(&question, &out), E_MALFORMED);
	question.password = BYTES("x");
	question.name = BYTES("\xc0\x80");
	assert_int_equal(login_question_write(&question, &out), E_MALFORMED);
	buf_done(&out);
}

static void test_an_answer_tells_who_it_is(void **state)
{
	struct arena *arena = arena_new();
	struct login_answer answer;
	struct why why = {""};
	(void)state;
	assert_int_equal(
		login_answer_read(arena,
				  BYTES("{\"status\": 200, \"tenant\": \"acme\", \"pool\": null,"
					" \"domains\": [\"a.example\", \"*.b.example\"]}"),
				  &answer, &why),
		OK);
	assert_int_equal(answer.status, 200);
	assert_true(bytes_is(answer.tenant, "acme"));
	assert_int_equal(answer.pool.len, 0);
	assert_int_equal(answer.domain_count, 2);
	assert_true(bytes_is(answer.domains[1], "*.b.example"));
	assert_int_equal(login_answer_read(arena, BYTES(" "), &answer, &why), OK);
	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.domain_count, 0);
	arena_free(&arena);
}

static void test_what_is_no_answer_is_told(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"yes", "JSON"},
		{"[]", "JSON"},
		{"{\"status\": \"200\"}", "status: must be"},
		{"{\"status\": 200.5}", "status: must be"},
		{"{\"tennant\": \"acme\"}", "tennant: unknown field"},
		{"{\"tenant\": \"a\\nb\"}", "tenant: "},
		{"{\"tenant\": 1}", "tenant: "},
		{"{\"domains\": [1]}", "domains[0]: "},
		{"{\"status\": 200, \"status\": 403}", "JSON"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena *arena = arena_new();
		struct login_answer answer;
		struct why why = {""};
		assert_int_equal(login_answer_read(arena, bytes_of(cases[i].text), &answer, &why),
				 E_MALFORMED);
		if (!strstr(why.text, cases[i].why))
			print_error("%s: %s\n", cases[i].text, why.text);
		assert_non_null(strstr(why.text, cases[i].why));
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_question_is_one_line_whatever_it_holds),
		cmocka_unit_test(test_an_answer_tells_who_it_is),
		cmocka_unit_test(test_what_is_no_answer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
