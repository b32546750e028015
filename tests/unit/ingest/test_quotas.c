/* So many messages a minute, so many sessions at once. */
#include "tests/check.h"

#include <stdio.h>

#include "ingest/quotas.h"

static void test_a_minute_gives_so_many(void **state)
{
	struct quotas *quotas = quotas_new();
	(void)state;
	for (int i = 0; i < 60; i++)
		assert_true(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 60, 1000));
	assert_false(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 60, 1000));
	assert_true(quotas_take(quotas, BYTES("b"), QUOTA_MESSAGES, 60, 1000));
	assert_false(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 60, 1999));
	assert_true(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 60, 2001));
	assert_false(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 60, 2001));
	for (int i = 0; i < 60; i++) /* a long pause saves up one minute, not more */
		assert_true(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 60, 10000000));
	assert_false(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 60, 10000000));
	quotas_free(&quotas);
}

static void test_messages_and_recipients_are_counted_apart(void **state)
{
	struct quotas *quotas = quotas_new();
	(void)state;
	assert_true(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 1, 1000));
	assert_false(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 1, 1000));
	assert_true(quotas_take(quotas, BYTES("a"), QUOTA_RECIPIENTS, 2, 1000));
	assert_true(quotas_take(quotas, BYTES("a"), QUOTA_RECIPIENTS, 2, 1000));
	assert_false(quotas_take(quotas, BYTES("a"), QUOTA_RECIPIENTS, 2, 1000));
	assert_true(quotas_take(quotas, BYTES("a"), QUOTA_RECIPIENTS, 2, 31001));
	assert_false(quotas_take(quotas, BYTES("a"), QUOTA_MESSAGES, 1, 31001));
	quotas_free(&quotas);
}

static void test_sessions_are_counted_until_they_leave(void **state)
{
	struct quotas *quotas = quotas_new();
	(void)state;
	assert_true(quotas_enter(quotas, BYTES("u"), 2));
	assert_true(quotas_enter(quotas, BYTES("u"), 2));
	assert_false(quotas_enter(quotas, BYTES("u"), 2));
	quotas_leave(quotas, BYTES("u"));
	assert_true(quotas_enter(quotas, BYTES("u"), 2));
	assert_true(
		quotas_take(quotas, BYTES("u"), QUOTA_MESSAGES, 1, 0)); /* the two do not meet */
	assert_false(quotas_take(quotas, BYTES("u"), QUOTA_MESSAGES, 1, 0));
	quotas_free(&quotas);
}

static void test_the_idle_make_room_and_the_busy_stay(void **state)
{
	struct quotas *quotas = quotas_new();
	(void)state;
	assert_true(quotas_enter(quotas, BYTES("busy"), 1));
	assert_true(quotas_take(quotas, BYTES("idle"), QUOTA_MESSAGES, 1, 0));
	for (int i = 0; i < QUOTAS_MAX; i++) {
		char key[20];
		snprintf(key, sizeof key, "k%d", i);
		assert_true(quotas_take(quotas, bytes_of(key), QUOTA_MESSAGES, 1, 0));
	}
	assert_false(quotas_enter(quotas, BYTES("busy"), 1));
	assert_true(quotas_take(quotas, BYTES("idle"), QUOTA_MESSAGES, 1, 0)); /* forgotten */
	quotas_free(&quotas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_minute_gives_so_many),
		cmocka_unit_test(test_messages_and_recipients_are_counted_apart),
		cmocka_unit_test(test_sessions_are_counted_until_they_leave),
		cmocka_unit_test(test_the_idle_make_room_and_the_busy_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
