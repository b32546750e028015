#include "broker/rabbitmq/management.h"

#include "tests/check.h"

static void test_queues_are_read_and_what_is_missing_is_unknown(void **state)
{
	struct managed_queue *queues;
	size_t count;
	(void)state;
	struct bytes json = BYTES(
		"[{\"name\":\"a\",\"messages_unacknowledged\":3,\"head_message_timestamp\":10},"
		"{\"name\":\"b\",\"head_message_timestamp\":null},{\"nameless\":1},7]");
	assert_int_equal(management_parse(json, &queues, &count), OK);
	assert_int_equal(count, 2);
	assert_string_equal(queues[0].name, "a");
	assert_int_equal(queues[0].unacked, 3);
	assert_int_equal(queues[0].head_wall_ms, 10000);
	assert_int_equal(queues[1].unacked, -1);
	assert_int_equal(queues[1].head_wall_ms, -1);
	managed_free(queues, count);
}

static void test_other_answers_are_refused(void **state)
{
	static const char *const bad[] = {"", "{}", "[", "<html>", "null"};
	struct managed_queue *queues;
	size_t count;
	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(management_parse(bytes_of(bad[i]), &queues, &count), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues_are_read_and_what_is_missing_is_unknown),
		cmocka_unit_test(test_other_answers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
