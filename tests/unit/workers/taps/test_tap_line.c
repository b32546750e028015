/* Lines of a tap, in both forms. */
#include "tests/check.h"

#include <string.h>

#include "workers/taps/tap_line.h"

static void assert_escaped(struct bytes from, const char *text, const char *json)
{
	char out[400];
	tap_escape(from, false, out, sizeof out);
	assert_string_equal(out, text);
	tap_escape(from, true, out, sizeof out);
	assert_string_equal(out, json);
}

static void test_no_byte_of_a_stranger_is_a_control(void **state)
{
	(void)state;
	assert_escaped(BYTES("220 hi"), "220 hi", "220 hi");
	assert_escaped(BYTES("\x1b[2J\a\0x"), "\\x1b[2J\\x07\\x00x", "\\u001b[2J\\u0007\\u0000x");
	assert_escaped(BYTES("a\\x1b\"b"), "a\\x5cx1b\"b", "a\\\\x1b\\\"b");
	assert_escaped(BYTES("\xc2\x9b"
			     "31m"),
		       "\\xc2\\x9b31m", "\\u009b31m");
	assert_escaped(BYTES("\xe2\x80\xae"
			     "gpj"),
		       "\\xe2\\x80\\xaegpj", "\\u202egpj");
	assert_escaped(BYTES("\xff\xc3("), "\\xff\\xc3(", "\\ufffd\\ufffd(");
	assert_escaped(BYTES("caf\xc3\xa9 \xf0\x9f\x93\xa8"), "caf\xc3\xa9 \xf0\x9f\x93\xa8",
		       "caf\xc3\xa9 \xf0\x9f\x93\xa8");
	assert_escaped(BYTES("one\r\ntwo\t"), "one\\x0d\\x0atwo\\x09",
		       "one\\u000d\\u000atwo\\u0009");
}

static void test_what_is_cut_is_cut_at_a_character(void **state)
{
	char out[8];
	(void)state;
	tap_escape(BYTES("abc\x1b"
			 "de"),
		   true, out, sizeof out);
	assert_string_equal(out, "abc");
	tap_escape(BYTES("abcdef\xc3\xa9"), false, out, sizeof out);
	assert_string_equal(out, "abcdef");
}

static struct tap_line example(void)
{
	return (struct tap_line){
		.kind = TAP_RECEIVED,
		.wall_ms = 1000,
		.worker = "mta1/7",
		.host = "mta1",
		.session = 12,
		.site = BYTES("gmail"),
		.next_hop = BYTES("example.com"),
		.source = BYTES("out1"),
		.mx = "mx.example.com",
		.message = BYTES("01ABC"),
		.text = BYTES("250 \x1b ok"),
		.after_ms = 34,
	};
}

static void test_a_line_is_text_or_one_object(void **state)
{
	struct buf out;
	struct tap_line line = example();
	(void)state;
	buf_init(&out, 2000);
	assert_int_equal(tap_line_write(&line, false, &out), OK);
	assert_int_equal(tap_line_write(&line, true, &out), OK);
	assert_true(bytes_is(
		buf_bytes(&out),
		"1970-01-01T00:00:01.000Z mta1/7 #12 < 250 \\x1b ok (34 ms)\n"
		"{\"at\":\"1970-01-01T00:00:01.000Z\",\"kind\":\"received\",\"worker\":\"mta1/7\","
		"\"host\":\"mta1\",\"session\":12,\"site\":\"gmail\",\"next_hop\":\"example.com\","
		"\"source\":\"out1\",\"mx\":\"mx.example.com\",\"message\":\"01ABC\",\"after_ms\":"
		"34,"
		"\"text\":\"250 \\u001b ok\"}\n"));
	buf_done(&out);
}

static void test_a_long_line_is_cut_and_says_so(void **state)
{
	static char longest[3000];
	struct buf out;
	struct tap_line line = example();
	(void)state;
	memset(longest, '\x1b', sizeof longest);
	line.text = bytes_from(longest, sizeof longest);
	for (int as_json = 0; as_json <= 1; as_json++) {
		buf_init(&out, 20000);
		assert_int_equal(tap_line_write(&line, as_json, &out), OK);
		assert_non_null(memmem(out.data, out.len, " [2000 bytes more]", 18));
		buf_done(&out);
	}
}

static void test_a_line_that_does_not_fit_leaves_nothing(void **state)
{
	struct buf out;
	struct tap_line line = example();
	(void)state;
	buf_init(&out, 100);
	assert_int_equal(buf_append_text(&out, "before"), OK);
	assert_int_equal(tap_line_write(&line, true, &out), E_FULL);
	assert_true(bytes_is(buf_bytes(&out), "before"));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_byte_of_a_stranger_is_a_control),
		cmocka_unit_test(test_what_is_cut_is_cut_at_a_character),
		cmocka_unit_test(test_a_line_is_text_or_one_object),
		cmocka_unit_test(test_a_long_line_is_cut_and_says_so),
		cmocka_unit_test(test_a_line_that_does_not_fit_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
