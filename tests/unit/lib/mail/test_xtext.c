/* xtext is read strictly and written so that it is read again. */
#include "tests/check.h"

#include "lib/mail/xtext.h"

static void test_only_printable_ascii_is_xtext(void **state)
{
	static const struct {
		const char *text, *decoded; /* NULL: refused */
	} cases[] = {
		{"", ""},
		{"QQ314159", "QQ314159"},
		{"ada+40example.com", "ada@example.com"},
		{"a+20b", "a b"},
		{"+2B+3D", "+="},
		{"a=b", NULL},
		{"a b", NULL},
		{"a+2b", NULL},
		{"a+", NULL},
		{"a+4", NULL},
		{"+0D+0A", NULL},
		{"+00", NULL},
		{"+7F", NULL},
		{"+C3+A4", NULL},
		{"\xc3\xa4", NULL},
		{"a\x01", NULL},
		{"+GG", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t out[64];
		struct bytes text = bytes_of(cases[i].text);
		assert_int_equal(xtext_is_valid(text), cases[i].decoded != NULL);
		if (!cases[i].decoded)
			continue;
		struct bytes decoded = bytes_from(out, xtext_decode(text, out));
		assert_true(bytes_is(decoded, cases[i].decoded));
		struct buf again;
		buf_init(&again, 256);
		assert_int_equal(xtext_write(decoded, &again), OK);
		assert_true(xtext_is_valid(buf_bytes(&again)));
		assert_int_equal(xtext_decode(buf_bytes(&again), out), decoded.len);
		assert_true(bytes_is(bytes_from(out, decoded.len), cases[i].decoded));
		buf_done(&again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_printable_ascii_is_xtext)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
