/* Header fields that results tell. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/delivery/told_headers.h"

static void assert_bytes_are(struct bytes b, const char *text)
{
	assert_true(bytes_is(b, text));
}

static const char *three[] = {"X-Job", "Message-ID", "X-None"};

static void test_the_first_field_of_each_name_is_told(void **state)
{
	const struct conf_text_list names = {three, 3};
	struct arena *arena = arena_new();
	size_t count = 0;
	(void)state;
	const struct pair *pairs = told_headers(arena, &names,
						BYTES("message-id:  <1@x>\r\n"
						      "x-job: spring\r\n\tsale\r\n"
						      "X-Job: second\r\n"
						      "X-None: \r\n"
						      "\r\n"
						      "X-None: of the body\r\n"),
						&count);
	assert_int_equal(count, 2);
	assert_bytes_are(pairs[0].name, "X-Job");
	assert_bytes_are(pairs[0].value, "spring sale");
	assert_bytes_are(pairs[1].name, "Message-ID");
	assert_bytes_are(pairs[1].value, "<1@x>");
	arena_free(&arena);
}

static void test_values_are_bounded_and_fit_to_travel(void **state)
{
	static char mail[4096];
	const struct conf_text_list names = {three, 2};
	struct arena *arena = arena_new();
	size_t count = 0;
	(void)state;
	/* 511 bytes, and a letter of two that does not fit */
	(void)snprintf(mail, sizeof mail, "X-Job: %0511d\xc3\xa9\r\nMessage-ID: a\xe9\x01z\r\n\r\n",
		       0);
	const struct pair *pairs = told_headers(arena, &names, bytes_of(mail), &count);
	assert_int_equal(count, 2);
	assert_int_equal(pairs[0].value.len, TOLD_HEADER_MAX - 1);
	assert_bytes_are(pairs[1].value, "a??z");
	arena_free(&arena);
}

static void test_without_names_nothing_is_looked_at(void **state)
{
	const struct conf_text_list none = {NULL, 0};
	size_t count = 1;
	(void)state;
	assert_null(told_headers(NULL, &none, BYTES("X-Job: 1\r\n\r\n"), &count));
	assert_int_equal(count, 0);
}

static void test_names_are_those_that_fields_may_have(void **state)
{
	(void)state;
	assert_true(told_headers_is_name("X-Job"));
	assert_false(told_headers_is_name("X Job"));
	assert_false(told_headers_is_name("X-Job:"));
	assert_false(told_headers_is_name("X,Job"));
	assert_false(told_headers_is_name(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_field_of_each_name_is_told),
		cmocka_unit_test(test_values_are_bounded_and_fit_to_travel),
		cmocka_unit_test(test_without_names_nothing_is_looked_at),
		cmocka_unit_test(test_names_are_those_that_fields_may_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
