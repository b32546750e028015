/* What AUTH carries: base 64 has one spelling, a login has a name and a password, and nothing hides in either. */
#include "tests/check.h"

#include <string.h>

#include "ingest/smtp/login.h"

static void test_base64_is_read_strictly(void **state)
{
	static const struct {
		const char *text, *decoded; /* NULL: refused */
	} cases[] = {
		{"", ""},	  {"=", ""},	      {"YQ==", "a"},
		{"YWI=", "ab"},	  {"YWJj", "abc"},    {"YWJjZA==", "abcd"},
		{"YQ", NULL},	  {"YQ=", NULL},      {"YR==", NULL},
		{"YWJ=", NULL},	  {"YQ==YQ==", NULL}, {"====", NULL},
		{"Y===", NULL},	  {"YW=j", NULL},     {"Y Q=", NULL},
		{"YQ==\n", NULL}, {"!!!!", NULL},     {"YWJjYQ", NULL},
		{"-_-_", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t out[SMTPD_LOGIN_TEXT_MAX];
		struct bytes decoded = BYTES_NONE;
		struct smtpd_reply reply =
			smtpd_login_decode(bytes_of(cases[i].text), out, &decoded);
		assert_int_equal(reply.code, cases[i].decoded ? 0 : 501);
		if (cases[i].decoded)
			assert_true(bytes_is(decoded, cases[i].decoded));
	}
}

static void test_a_line_past_the_limit_is_refused(void **state)
{
	char text[1600];
	uint8_t out[SMTPD_LOGIN_TEXT_MAX];
	struct bytes decoded;
	(void)state;
	memset(text, 'A', sizeof text);
	assert_int_equal(smtpd_login_decode(bytes_from(text, 1464), out, &decoded).code, 0);
	assert_int_equal(decoded.len, 1098);
	assert_int_equal(smtpd_login_decode(bytes_from(text, 1468), out, &decoded).code, 500);
}

static void test_plain_is_name_and_password(void **state)
{
	static const struct {
		struct bytes plain;
		unsigned code;
	} cases[] = {
		{BYTES("\0user\0secret"), 0},
		{BYTES("user\0user\0secret"), 0},
		{BYTES("boss\0user\0secret"), 535},
		{BYTES("user\0secret"), 501},
		{BYTES("\0\0secret"), 501},
		{BYTES("\0user\0"), 501},
		{BYTES("\0user\0se\0cret"), 501},
		{BYTES("\0us\ner\0secret"), 501},
		{BYTES("\0\xff\0secret"), 501},
		{BYTES(""), 501},
		{BYTES("\0"), 501},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct smtpd_login login;
		assert_int_equal(smtpd_login_split(cases[i].plain, &login).code, cases[i].code);
		if (cases[i].code == 0) {
			assert_true(bytes_is(login.name, "user"));
			assert_true(bytes_is(login.password, "secret"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_is_read_strictly),
		cmocka_unit_test(test_a_line_past_the_limit_is_refused),
		cmocka_unit_test(test_plain_is_name_and_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
