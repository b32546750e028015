/* Replies that no rule knew, by what they have in common, and their rows. */
#include "tests/check.h"

#include "bouncer/classification/tallies.h"

static void assert_text(const char *reply, const char *expected)
{
	uint8_t text[UNKNOWN_TEXT_MAX];
	size_t len = unknown_text(bytes_of(reply), text);
	if (!bytes_is(bytes_from(text, len), expected))
		print_error("%.*s\n", (int)len, (const char *)text);
	assert_true(bytes_is(bytes_from(text, len), expected));
}

static void test_what_differs_from_mail_to_mail_is_left_out(void **state)
{
	(void)state;
	assert_text("550 5.9.9 <ann@x.example>: The Frobnicator said NO (id 0a1b2c 77)",
		    "<@>: the frobnicator said no (id #");
	assert_text("", "");
}

static void test_a_text_is_bounded(void **state)
{
	(void)state;
	char reply[5000];
	uint8_t text[UNKNOWN_TEXT_MAX];
	for (size_t i = 0; i < sizeof reply - 1; i++)
		reply[i] = i % 7 == 6 ? ' ' : (char)('a' + i % 7);
	reply[sizeof reply - 1] = '\0';
	assert_in_range(unknown_text(bytes_of(reply), text), 1, UNKNOWN_TEXT_MAX);
}

static void test_rows_that_are_none_are_refused(void **state)
{
	(void)state;
	struct tally_row tally;
	struct unknown_row unknown;
	uint8_t zeros[40] = {0};
	assert_int_equal(tally_row_parse(bytes_from(zeros, 3), bytes_from(zeros, 8), &tally),
			 E_MALFORMED);
	assert_int_equal(tally_row_parse(bytes_from(zeros, 8), bytes_from(zeros, 7), &tally),
			 E_MALFORMED);
	assert_int_equal(unknown_row_parse(bytes_from(zeros, 5), &unknown), E_MALFORMED);
	zeros[19] = 30; /* longer than what is there */
	assert_int_equal(unknown_row_parse(bytes_from(zeros, 25), &unknown), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_differs_from_mail_to_mail_is_left_out),
		cmocka_unit_test(test_a_text_is_bounded),
		cmocka_unit_test(test_rows_that_are_none_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
