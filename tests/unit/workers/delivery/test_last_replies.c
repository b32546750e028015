/* The last different answers of a site. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/delivery/last_replies.h"

static void note(struct last_replies *replies, const char *site, unsigned code, const char *text)
{
	const struct last_reply reply = {.code = code, .step = "rcpt", .at_wall_ms = 1};
	last_replies_note(replies, site, &reply, bytes_of(text));
}

static void test_the_newest_come_first_and_repeats_are_counted(void **state)
{
	struct last_replies *replies = last_replies_new();
	(void)state;
	note(replies, "gmail", 450, "later, id 123");
	note(replies, "gmail", 250, "ok");
	note(replies, "gmail", 450, "later, id 4");
	note(replies, "yahoo", 450, "later, id 4");
	assert_int_equal(last_replies_at(replies, "gmail", 0)->count, 2);
	assert_string_equal(last_replies_at(replies, "gmail", 0)->text, "later, id 4");
	assert_int_equal(last_replies_at(replies, "gmail", 1)->code, 250);
	assert_null(last_replies_at(replies, "gmail", 2));
	assert_int_equal(last_replies_at(replies, "yahoo", 0)->count, 1);
	assert_null(last_replies_at(replies, "nosuch", 0));
	last_replies_free(&replies);
}

static void test_only_numbers_make_no_other_answer(void **state)
{
	struct last_replies *replies = last_replies_new();
	(void)state;
	note(replies, "gmail", 450, "later 1");
	note(replies, "gmail", 450, "later x");
	note(replies, "gmail", 451, "later 1");
	note(replies, "gmail", 450, "later 12 more");
	assert_int_equal(last_replies_at(replies, "gmail", 3)->count, 1);
	last_replies_free(&replies);
}

static void test_the_oldest_answer_and_the_oldest_site_go_first(void **state)
{
	struct last_replies *replies = last_replies_new();
	char text[20];
	(void)state;
	for (char c = 'a'; c < 'a' + LAST_REPLIES_MAX + 1; c++) {
		(void)snprintf(text, sizeof text, "%c", c);
		note(replies, "gmail", 450, text);
	}
	assert_string_equal(last_replies_at(replies, "gmail", LAST_REPLIES_MAX - 1)->text, "b");
	assert_null(last_replies_at(replies, "gmail", LAST_REPLIES_MAX));
	for (int i = 0; i < LAST_REPLIES_SITES; i++) {
		(void)snprintf(text, sizeof text, "site%d", i);
		note(replies, text, 250, "ok");
	}
	assert_null(last_replies_at(replies, "gmail", 0));
	assert_non_null(last_replies_at(replies, "site0", 0));
	last_replies_free(&replies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_newest_come_first_and_repeats_are_counted),
		cmocka_unit_test(test_only_numbers_make_no_other_answer),
		cmocka_unit_test(test_the_oldest_answer_and_the_oldest_site_go_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
