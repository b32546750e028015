/* Frames as bytes: what is written can be read, and what is malformed is refused without reading
 * past its end. */
#include <string.h>

#include "broker/rabbitmq/wire.h"

#include "tests/check.h"

static enum err decode(const char *bytes, size_t len, size_t *ret_used)
{
	struct wire_decoder decoder;
	struct wire_frame frame;
	struct why why;
	wire_decoder_init(&decoder);
	enum err err = wire_decode(&decoder, bytes_from(bytes, len), &frame, ret_used, &why);
	wire_decoder_done(&decoder);
	return err;
}

static const struct {
	const char *name, *bytes;
	size_t len;
	enum err err;
	size_t used;
} cases[] = {
#define CASE(name, bytes, err, used)                                                               \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, err, used                                          \
	}
	CASE("nothing", "", OK, 0),
	CASE("part of a header", "\x08\0\0\0", OK, 0),
	CASE("a heartbeat", "\x08\0\0\0\0\0\0\xce", OK, 8),
	CASE("a heartbeat and more", "\x08\0\0\0\0\0\0\xce\x08", OK, 8),
	CASE("a heartbeat without its end", "\x08\0\0\0\0\0\0\xcf", E_MALFORMED, 0),
	CASE("a frame longer than frame_max", "\x03\0\1\x7f\xff\xff\xff", E_MALFORMED, 0),
	CASE("a length that would overflow", "\x03\0\1\xff\xff\xff\xff", E_MALFORMED, 0),
	CASE("a body", "\x03\0\1\0\0\0\2hi\xce", OK, 10),
	CASE("an unknown type", "\x05\0\1\0\0\0\0\xce", E_MALFORMED, 0),
	CASE("a web server", "HTTP/1.1 400 Bad Request\r\n", E_MALFORMED, 0),
	CASE("another version", "AMQP\0\1\0\0", E_MALFORMED, 0),
	CASE("a method without its number", "\x01\0\0\0\0\0\2ab\xce", E_MALFORMED, 0),
	CASE("an unknown method", "\x01\0\0\0\0\0\4\0\x63\0\x63\xce", E_MALFORMED, 0),
	CASE("a method cut short", "\x01\0\1\0\0\0\6\0\x3c\0\x50\0\0\xce", E_MALFORMED, 0),
	CASE("a short content header", "\x02\0\1\0\0\0\4\0\x3c\0\0\xce", E_MALFORMED, 0),
	CASE("a content header of another class",
	     "\x02\0\1\0\0\0\x0e\0\x3d\0\0\0\0\0\0\0\0\0\0\0\0\xce", E_MALFORMED, 0),
	CASE("an empty content header", "\x02\0\1\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\0\0\0\xce", OK,
	     22),
};

static void test_frames_are_taken_whole_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t used = 99;
		print_message("%s\n", cases[i].name);
		assert_int_equal(decode(cases[i].bytes, cases[i].len, &used), cases[i].err);
		assert_int_equal(used, cases[i].used);
	}
}

static void test_a_method_is_read_as_it_was_written(void **state)
{
	(void)state;
	struct buf out;
	struct wire_decoder decoder;
	struct wire_frame frame;
	struct why why;
	size_t used;
	buf_init(&out, 1 << 20);
	wire_decoder_init(&decoder);
	amqp_table_entry_t argument = wire_entry_text("x-queue-type", "quorum");
	amqp_queue_declare_t declare = {
		.queue = wire_text("q"), .durable = true, .arguments = {1, &argument}};
	wire_method(&out, 7, AMQP_QUEUE_DECLARE_METHOD, &declare);

	for (size_t len = 0; len < out.len; len++) { /* however it is cut, it comes whole */
		assert_int_equal(wire_decode(&decoder, bytes_first(buf_bytes(&out), len), &frame,
					     &used, &why),
				 OK);
		assert_int_equal(used, 0);
	}
	assert_int_equal(wire_decode(&decoder, buf_bytes(&out), &frame, &used, &why), OK);
	assert_int_equal(used, out.len);
	assert_int_equal(frame.channel, 7);
	const amqp_queue_declare_t *read = frame.method.decoded;
	struct bytes type;
	assert_true(bytes_is(wire_bytes(read->queue), "q"));
	assert_true(wire_value_text(wire_find(&read->arguments, "x-queue-type"), &type));
	assert_true(bytes_is(type, "quorum"));
	assert_false(wire_value_text(wire_find(&read->arguments, "x-other"), &type));
	wire_decoder_done(&decoder);
	buf_done(&out);
}

static void test_deeply_nested_headers_are_refused(void **state)
{
	(void)state;
	static uint8_t frame[WIRE_FRAME_MAX];
	enum { LEVELS = 20000 };
	size_t at = 7 + 12, len = 2 + 4 + 2 + 5 * LEVELS;
	memcpy(frame, "\x02\0\1", 3);
	size_t size = 12 + len;
	for (int i = 0; i < 4; i++)
		frame[3 + i] = (uint8_t)(size >> (8 * (3 - i)));
	frame[8] = 60;
	frame[at] = 0x20; /* headers */
	size_t table = 2 + 5 * LEVELS;
	for (int i = 0; i < 4; i++)
		frame[at + 2 + (size_t)i] = (uint8_t)(table >> (8 * (3 - i)));
	memcpy(frame + at + 6, "\1k", 2);
	for (size_t level = 0; level < LEVELS; level++) {
		size_t inside = 5 * (LEVELS - 1 - level);
		uint8_t *place = frame + at + 8 + 5 * level;
		place[0] = 'A';
		for (int i = 0; i < 4; i++)
			place[1 + i] = (uint8_t)(inside >> (8 * (3 - i)));
	}
	frame[7 + size] = 0xce;
	size_t used;
	assert_int_equal(decode((const char *)frame, size + 8, &used), E_MALFORMED);
}

static void test_short_strings_are_copied_within_their_limit(void **state)
{
	(void)state;
	char out[WIRE_SHORT_MAX + 1], text[400];
	memset(text, 'a', sizeof text);
	wire_copy_short((amqp_bytes_t){sizeof text, text}, out);
	assert_int_equal(strlen(out), WIRE_SHORT_MAX);
	wire_copy_short((amqp_bytes_t){0, NULL}, out);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_are_taken_whole_or_refused),
		cmocka_unit_test(test_a_method_is_read_as_it_was_written),
		cmocka_unit_test(test_deeply_nested_headers_are_refused),
		cmocka_unit_test(test_short_strings_are_copied_within_their_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
