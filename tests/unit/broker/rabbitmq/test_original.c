/* What a stranger's message said of itself is said again, but for what was never its own. */
#include <string.h>

#include "broker/rabbitmq/original.h"

#include "tests/check.h"

static amqp_basic_properties_t given(amqp_table_entry_t *headers, int count)
{
	return (amqp_basic_properties_t){
		._flags = AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_TYPE_FLAG |
			  AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_USER_ID_FLAG |
			  AMQP_BASIC_HEADERS_FLAG,
		.correlation_id = wire_text("mine"),
		.type = wire_text("order"),
		.expiration = wire_text("1000"),
		.user_id = wire_text("guest"),
		.headers = {count, headers},
	};
}

static void test_headers_and_ids_are_kept_and_ours_are_added(void **state)
{
	amqp_table_entry_t headers[] = {
		wire_entry_int("x-delivery-count", 7),
		wire_entry_text("one", "first"),
		wire_entry_text("x-leveret-reason", "not theirs to say"),
		wire_entry_text("leveret-queue", "nor this"),
		wire_entry_int("two", 2),
	};
	amqp_basic_properties_t properties = given(headers, 5);
	uint8_t kept[ORIGINAL_MAX];
	struct original original;
	struct bytes text;
	int64_t number = 0;
	(void)state;
	size_t len = original_keep(&properties, kept);
	assert_true(len > 0);
	original_restore(&original, bytes_from(kept, len));
	original_add(&original, wire_entry_text("x-leveret-reason", "ours"));
	const amqp_basic_properties_t *again = &original.properties;
	assert_true(bytes_is(wire_bytes(again->correlation_id), "mine"));
	assert_true(bytes_is(wire_bytes(again->type), "order"));
	assert_false(again->_flags & (AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_USER_ID_FLAG));
	assert_int_equal(again->headers.num_entries, 3);
	assert_true(wire_value_text(wire_find(&again->headers, "one"), &text));
	assert_true(bytes_is(text, "first"));
	assert_true(wire_value_int(wire_find(&again->headers, "two"), &number));
	assert_true(number == 2);
	assert_true(wire_value_text(wire_find(&again->headers, "x-leveret-reason"), &text));
	assert_true(bytes_is(text, "ours"));
	original_done(&original);
	/* What was given is only looked at in another order. */
	assert_int_equal(properties.headers.num_entries, 5);
	assert_non_null(wire_find(&properties.headers, "x-delivery-count"));
}

static void test_of_our_own_messages_nothing_is_kept(void **state)
{
	amqp_basic_properties_t properties = {._flags = AMQP_BASIC_APP_ID_FLAG,
					      .app_id = wire_text(ORIGINAL_OURS)};
	uint8_t kept[ORIGINAL_MAX];
	struct original original;
	(void)state;
	assert_int_equal(original_keep(&properties, kept), 0);
	original_restore(&original, BYTES_NONE);
	original_add(&original, wire_entry_int("a", 1));
	original_add(&original, wire_entry_int("b", 2));
	assert_int_equal(original.properties.headers.num_entries, 2);
	assert_true(original.properties._flags == AMQP_BASIC_HEADERS_FLAG);
	original_done(&original);
}

static void test_headers_that_are_too_long_are_left_out_and_the_rest_is_kept(void **state)
{
	static char text[ORIGINAL_MAX];
	memset(text, 'x', sizeof text - 1);
	amqp_table_entry_t headers[] = {wire_entry_text("long", text)};
	amqp_basic_properties_t properties = given(headers, 1);
	uint8_t kept[ORIGINAL_MAX];
	struct original original;
	(void)state;
	original_restore(&original, bytes_from(kept, original_keep(&properties, kept)));
	original_add(&original, wire_entry_int("a", 1));
	assert_true(bytes_is(wire_bytes(original.properties.correlation_id), "mine"));
	assert_int_equal(original.properties.headers.num_entries, 1);
	original_done(&original);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_and_ids_are_kept_and_ours_are_added),
		cmocka_unit_test(test_of_our_own_messages_nothing_is_kept),
		cmocka_unit_test(test_headers_that_are_too_long_are_left_out_and_the_rest_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
