/* Writing mail: every value comes back as it was, no line is too long, and no value begins a line of its own. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mail/encode.h"

static char *text_of(struct buf *out)
{
	struct bytes b = buf_bytes(out);
	char *text = calloc(1, b.len + 1);
	memcpy(text, b.len > 0 ? (const char *)b.data : "", b.len);
	buf_clear(out);
	return text;
}

static void assert_text(struct buf *out, const char *wanted)
{
	char *text = text_of(out);
	assert_string_equal(text, wanted);
	free(text);
}

static const struct {
	const char *value, *field;
} texts[] = {
	{"Hello", "Subject: Hello\r\n"},
	{"", "Subject: \r\n"},
	{"Gr\xc3\xbc\xc3\x9f"
	 "e",
	 "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"},
	{"a\r\nBcc: b", "Subject: =?UTF-8?B?YSAgQmNjOiBi?=\r\n"},
	{"=?UTF-8?B?R3LDvMOfZQ==?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP1IzTER2TU9mWlE9PT89?=\r\n"},
	{" led by a space", "Subject: =?UTF-8?B?IGxlZCBieSBhIHNwYWNl?=\r\n"},
	{"one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
	 "Subject: one two three four five six seven eight nine ten eleven twelve\r\n thirteen "
	 "fourteen\r\n"},
};

static void test_header_values(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(
			header_text_write(BYTES("Subject"), bytes_of(texts[i].value), &out), OK);
		assert_text(&out, texts[i].field);
	}
	buf_done(&out);
}

/* Characters are never cut in two, nor lines longer than 78. */
static void test_long_values_are_cut_between_characters(void **state)
{
	struct buf out;
	char value[600] = "";
	(void)state;
	for (int i = 0; i < 60; i++)
		(void)strcat(value, i % 3 ? "\xe2\x82\xac" : "a");
	buf_init(&out, 8192);
	assert_int_equal(
		header_text_write(BYTES("X-A-Rather-Long-Name-Of-A-Field"), bytes_of(value), &out),
		OK);
	char *text = text_of(&out), *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(strlen(line) <= 79);
		assert_true(line[0] == ' ' || line[0] == 'X');
	}
	free(text);
	buf_done(&out);
}

static void test_addresses_have_their_names_quoted(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(header_address_write(BYTES("To"), BYTES_NONE, BYTES("a@x.example"), &out),
			 OK);
	assert_text(&out, "To: <a@x.example>\r\n");
	assert_int_equal(header_address_write(BYTES("To"), BYTES("Ada \"the\" <c@d>, \\"),
					      BYTES("a@x.example"), &out),
			 OK);
	assert_text(&out, "To: \"Ada \\\"the\\\" <c@d>, \\\\\"\r\n <a@x.example>\r\n");
	assert_int_equal(
		header_address_write(BYTES("To"), BYTES("a\r\nBcc: x"), BYTES("a@x.example"), &out),
		OK);
	assert_text(&out, "To: =?UTF-8?B?YSAgQmNjOiB4?=\r\n <a@x.example>\r\n");
	buf_done(&out);
}

static void test_parameters(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(header_parameter_write(BYTES("filename"), BYTES("a \"b\".pdf"), &out), OK);
	assert_text(&out, ";\r\n filename=\"a \\\"b\\\".pdf\"");
	assert_int_equal(header_parameter_write(BYTES("filename"), BYTES("\xc3\xbc\r\n.pdf"), &out),
			 OK);
	assert_text(&out, ";\r\n filename*0*=UTF-8''%C3%BC__.pdf");
	buf_done(&out);
}

static const struct {
	const char *in, *out;
} quoted[] = {
	{"", ""},
	{"a\nb", "a\r\nb\r\n"},
	{"a\r\nb\rc\n", "a\r\nb\r\nc\r\n"},
	{"a = b \n c\t", "a =3D b=20\r\n c=09\r\n"},
	{".\n..", "=2E\r\n=2E.\r\n"},
	{"\xc3\xbc", "=C3=BC\r\n"},
	{"0123456789012345678901234567890123456789012345678901234567890123456789012345678",
	 "012345678901234567890123456789012345678901234567890123456789012345678901234="
	 "\r\n5678\r\n"},
};

static void test_quoted_printable(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof quoted / sizeof quoted[0]; i++) {
		assert_int_equal(quoted_printable_write(bytes_of(quoted[i].in), &out), OK);
		assert_text(&out, quoted[i].out);
	}
	buf_done(&out);
}

static void test_base64_in_lines(void **state)
{
	struct buf out;
	uint8_t zeros[58] = {0};
	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(base64_lines_write(bytes_from(zeros, sizeof zeros), &out), OK);
	assert_text(&out, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			  "AAAA\r\nAA==\r\n");
	buf_done(&out);
}

static void test_names_of_fields(void **state)
{
	(void)state;
	assert_true(header_name_is_valid(BYTES("X-Kind")));
	assert_false(header_name_is_valid(BYTES("")));
	assert_false(header_name_is_valid(BYTES("X Kind")));
	assert_false(header_name_is_valid(BYTES("X:Kind")));
	assert_false(header_name_is_valid(BYTES("X\r\nBcc")));
	assert_false(header_name_is_valid(BYTES("X\xc3\xbc")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_values),
		cmocka_unit_test(test_long_values_are_cut_between_characters),
		cmocka_unit_test(test_addresses_have_their_names_quoted),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_quoted_printable),
		cmocka_unit_test(test_base64_in_lines),
		cmocka_unit_test(test_names_of_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
