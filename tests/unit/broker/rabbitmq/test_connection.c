/* The handshake, signs of life, and brokers that do not behave. */
#include <string.h>

#include "broker/rabbitmq/channel.h"
#include "tests/unit/broker/rabbitmq/fixture_amqp.h"

#include "tests/check.h"

static void start(struct amqp_fixture *f, uint8_t minor, const char *mechanisms)
{
	amqp_connection_start_t method = {.version_minor = minor,
					  .mechanisms = wire_text(mechanisms),
					  .locales = wire_text("en_US")};
	broker_says(f, 0, AMQP_CONNECTION_START_METHOD, &method);
}

static void tune(struct amqp_fixture *f, uint16_t channel_max, uint32_t frame_max,
		 uint16_t heartbeat)
{
	amqp_connection_tune_t method = {channel_max, frame_max, heartbeat};
	broker_says(f, 0, AMQP_CONNECTION_TUNE_METHOD, &method);
}

static void test_the_handshake_announces_what_we_rely_on(void **state)
{
	static const char *const needed[] = {"publisher_confirms", "basic.nack",
					     "consumer_cancel_notify", "connection.blocked",
					     "authentication_failure_close"};
	struct amqp_fixture *f = *state;
	begin(f);
	start(f, 9, "PLAIN AMQPLAIN");
	const amqp_connection_start_ok_t *ok = expect_method(f, 0, AMQP_CONNECTION_START_OK_METHOD);
	assert_true(bytes_equal(wire_bytes(ok->response), BYTES("\0user\0secret")));
	const amqp_field_value_t *capabilities = wire_find(&ok->client_properties, "capabilities");
	assert_non_null(capabilities);
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		assert_non_null(wire_find(&capabilities->value.table, needed[i]));
	assert_non_null(wire_find(&ok->client_properties, "connection_name"));

	tune(f, 100, 1 << 20, 60);
	const amqp_connection_tune_ok_t *tuned =
		expect_method(f, 0, AMQP_CONNECTION_TUNE_OK_METHOD);
	assert_int_equal(tuned->channel_max, 100);
	assert_int_equal(tuned->frame_max, WIRE_FRAME_MAX);
	assert_int_equal(tuned->heartbeat, 10);
	const amqp_connection_open_t *open = expect_method(f, 0, AMQP_CONNECTION_OPEN_METHOD);
	assert_true(bytes_is(wire_bytes(open->virtual_host), "/v"));
	assert_false(connection_is_open(f->connection));
	amqp_connection_open_ok_t open_ok = {0};
	broker_says(f, 0, AMQP_CONNECTION_OPEN_OK_METHOD, &open_ok);
	assert_true(connection_is_open(f->connection));
	assert_int_equal(f->failed_count, 0);
}

static void test_brokers_that_do_not_behave_are_left(void **state)
{
	(void)state;
	enum { WRONG_VERSION, NO_PLAIN, SMALL_FRAMES, OPEN_FIRST, WEB_SERVER, HUGE_FRAME, CASES };
	static const enum err errs[CASES] = {
		[WRONG_VERSION] = E_MALFORMED, [NO_PLAIN] = E_REFUSED,
		[SMALL_FRAMES] = E_MALFORMED,  [OPEN_FIRST] = E_MALFORMED,
		[WEB_SERVER] = E_MALFORMED,    [HUGE_FRAME] = E_MALFORMED};
	for (int i = 0; i < CASES; i++) {
		void *fresh;
		(void)amqp_setup(&fresh);
		struct amqp_fixture *f = fresh;
		begin(f);
		if (i == WRONG_VERSION)
			start(f, 8, "PLAIN");
		if (i == NO_PLAIN)
			start(f, 9, "EXTERNAL PLAINER");
		if (i == SMALL_FRAMES) {
			start(f, 9, "PLAIN");
			tune(f, 0, 1024, 0);
		}
		if (i == OPEN_FIRST) {
			amqp_connection_open_ok_t ok = {0};
			broker_says(f, 0, AMQP_CONNECTION_OPEN_OK_METHOD, &ok);
		}
		if (i == WEB_SERVER)
			broker_sends_bytes(f, BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"));
		if (i == HUGE_FRAME)
			broker_sends_bytes(f, BYTES("\1\0\0\x7f\xff\xff\xff"));
		assert_int_equal(f->failed_count, 1);
		assert_int_equal(f->err, errs[i]);
		connection_end(f->connection);
		(void)amqp_teardown(&fresh);
	}
}

static void test_frames_on_channels_that_are_not_open_end_the_connection(void **state)
{
	struct amqp_fixture *f = *state;
	amqp_basic_ack_t ack = {.delivery_tag = 1};
	broker_says(f, 65535, AMQP_BASIC_ACK_METHOD, &ack);
	assert_int_equal(f->failed_count, 1);
	broker_says(f, 65535, AMQP_BASIC_ACK_METHOD, &ack);
	assert_int_equal(f->failed_count, 1); /* told once, and nothing is looked at after it */
}

static void test_the_brokers_reason_for_closing_is_told(void **state)
{
	struct amqp_fixture *f = *state;
	amqp_connection_close_t close = {.reply_code = 320,
					 .reply_text = wire_text("CONNECTION_FORCED - bye")};
	broker_says(f, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
	(void)expect_method(f, 0, AMQP_CONNECTION_CLOSE_OK_METHOD);
	assert_int_equal(f->err, E_CLOSED);
	assert_non_null(strstr(f->why.text, "CONNECTION_FORCED"));
}

static void test_a_silent_broker_is_left_after_two_heartbeats(void **state)
{
	struct amqp_fixture *f = *state;
	int64_t now_ms = loop_now_ms(f->loop);
	assert_int_equal(connection_tick_ms(f->connection), 5000);
	connection_tick(f->connection, now_ms);
	connection_tick(f->connection, now_ms + 20000);
	assert_int_equal(f->failed_count, 0);
	connection_tick(f->connection, now_ms + 20001);
	assert_int_equal(f->failed_count, 1);
	assert_int_equal(f->err, E_TIMEOUT);
}

static void test_an_idle_connection_shows_signs_of_life(void **state)
{
	struct amqp_fixture *f = *state;
	connection_tick(f->connection, loop_now_ms(f->loop)); /* the handshake was one */
	assert_false(has_sent(f));
	connection_tick(f->connection, loop_now_ms(f->loop));
	assert_int_equal(next_sent(f).type, WIRE_HEARTBEAT);
}

static void test_silence_is_no_fault_while_we_do_not_listen(void **state)
{
	struct amqp_fixture *f = *state;
	int64_t now_ms = loop_now_ms(f->loop);
	connection_pause(f->connection, true);
	assert_true(f->is_paused);
	for (int i = 1; i < 100; i++)
		connection_tick(f->connection, now_ms + i * 5000);
	assert_int_equal(f->failed_count, 0);
	assert_true(has_sent(f)); /* but the broker hears of us */
	amqp_connection_blocked_t blocked = {.reason = wire_text("low on memory")};
	broker_says(f, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
	assert_false(f->is_blocked); /* not looked at */
}

static void test_alarms_are_told(void **state)
{
	struct amqp_fixture *f = *state;
	amqp_connection_blocked_t blocked = {.reason = wire_text("low on memory")};
	broker_says(f, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
	assert_true(f->is_blocked);
	amqp_connection_unblocked_t unblocked = {0};
	broker_says(f, 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
	assert_false(f->is_blocked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_handshake_announces_what_we_rely_on,
						amqp_setup, amqp_teardown),
		cmocka_unit_test(test_brokers_that_do_not_behave_are_left),
#define OPEN(name) cmocka_unit_test_setup_teardown(name, amqp_setup_open, amqp_teardown)
		OPEN(test_frames_on_channels_that_are_not_open_end_the_connection),
		OPEN(test_the_brokers_reason_for_closing_is_told),
		OPEN(test_a_silent_broker_is_left_after_two_heartbeats),
		OPEN(test_an_idle_connection_shows_signs_of_life),
		OPEN(test_silence_is_no_fault_while_we_do_not_listen),
		OPEN(test_alarms_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
