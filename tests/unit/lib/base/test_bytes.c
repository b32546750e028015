/* Borrowed bytes and byte queues: edges that parsers rely on. */

#include "tests/check.h"

#include "lib/base/buf.h"
#include "lib/base/bytes.h"

static void test_numbers_are_digits_only_and_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t max;
		bool is_number;
		uint64_t value;
	} cases[] = {
		{"0", 10, true, 0},
		{"10", 10, true, 10},
		{"11", 10, false, 0},
		{"", 10, false, 0},
		{"-1", 10, false, 0},
		{" 1", 10, false, 0},
		{"1x", 100, false, 0},
		{"9", 5, false, 0},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0},
		{"007", 7, true, 7},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t value = 0;
		assert_int_equal(bytes_to_u64(bytes_of(cases[i].text), cases[i].max, &value),
				 cases[i].is_number);
		assert_true(value == cases[i].value);
	}
}

static void test_utf8_is_well_formed_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_utf8;
	} cases[] = {
		{"plain", true},
		{"\xc3\xa9", true},
		{"\xe2\x82\xac", true},
		{"\xf0\x9f\x98\x80", true},
		{"\xc0\x80", false},
		{"\xe0\x80\x80", false},
		{"\xed\xa0\x80", false},
		{"\xf4\x90\x80\x80", false},
		{"\xc3", false},
		{"\x80", false},
		{"\xf5\x80\x80\x80", false},
		{"a\xffz", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(bytes_is_utf8(bytes_of(cases[i].text)), cases[i].is_utf8);
}

static void test_text_with_a_nul_is_no_c_string(void **state)
{
	(void)state;
	char out[8] = "before";
	assert_false(bytes_to_cstr(bytes_from("a\0b", 3), out, sizeof out));
	assert_string_equal(out, "");
	assert_false(bytes_to_cstr(bytes_of("12345678"), out, sizeof out));
	assert_true(bytes_to_cstr(bytes_of("1234567"), out, sizeof out));
	assert_string_equal(out, "1234567");
}

static void test_a_queue_keeps_order_and_its_maximum(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 1000);
	for (int round = 0; round < 500; round++) {
		assert_int_equal(buf_append(&buf, bytes_of("abcdefg")), OK);
		assert_true(bytes_is(bytes_first(buf_bytes(&buf), 7), "abcdefg"));
		buf_consume(&buf, 7);
	}
	assert_int_equal(buf_printf(&buf, "%0*d", 999, 1), OK);
	assert_int_equal(buf_append(&buf, BYTES("xy")), E_FULL);
	assert_int_equal(buf.len, 999);
	assert_int_equal(buf_append(&buf, BYTES("x")), OK);
	assert_int_equal(buf_room(&buf), 0);
	buf_done(&buf);
}

static void test_control_characters_are_found(void **state)
{
	(void)state;
	assert_false(bytes_has_control(BYTES("Gr\xc3\xbc\xc3\x9f Gott"), false));
	assert_false(bytes_has_control(BYTES_NONE, false));
	assert_true(bytes_has_control(BYTES("a\nb"), false));
	assert_false(bytes_has_control(BYTES("a\r\n\tb"), true));
	assert_true(bytes_has_control(BYTES("a\0b"), true));
	assert_true(bytes_has_control(BYTES("\x7f"), true));
	assert_true(bytes_has_control(BYTES("a\xc2\x85"), true)); /* NEL */
	assert_false(bytes_has_control(BYTES("\xc2\xa0"), false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_digits_only_and_bounded),
		cmocka_unit_test(test_utf8_is_well_formed_or_refused),
		cmocka_unit_test(test_text_with_a_nul_is_no_c_string),
		cmocka_unit_test(test_a_queue_keeps_order_and_its_maximum),
		cmocka_unit_test(test_control_characters_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
