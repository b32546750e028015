/* Records of TLS-RPT (RFC 8460 3), good and bad, and the addresses in them. */
#include "tests/check.h"

#include <string.h>

#include "lib/tlsreport/record.h"

static const struct {
	const char *text, *first;
	size_t count; /* 0: it is none */
} cases[] = {
	{"v=TLSRPTv1;rua=mailto:reports@example.com", "mailto:reports@example.com", 1},
	{"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt",
	 "https://reporting.example.com/v1/tlsrpt", 1},
	{"v=TLSRPTv1; rua=mailto:a@x.example , https://x.example/t ;", "mailto:a@x.example", 2},
	{"v=TLSRPTv1 ;x=y;rua=mailto:a@x.example", "mailto:a@x.example", 1},
	{"v=TLSRPTv1;rua=ftp://x.example/,mailto:a@x.example", "mailto:a@x.example", 1},
	{"v=TLSRPTv1;rua=mailto:1@x.example,mailto:2@x.example,mailto:3@x.example,"
	 "mailto:4@x.example,mailto:5@x.example",
	 "mailto:1@x.example", TLS_RUA_MAX},
	{"v=TLSRPTv1;rua=http://x.example/", NULL, 0},
	{"v=TLSRPTv1;rua=mailto:nobody", NULL, 0},
	{"v=TLSRPTv1;rua=mailto:a%0d%0ab@x.example", NULL, 0},
	{"v=TLSRPTv1;rua=https://", NULL, 0},
	{"v=TLSRPTv1;", NULL, 0},
	{"v=TLSRPTv1;;rua=mailto:a@x.example", NULL, 0},
	{"v=TLSRPTv1;RUA=mailto:a@x.example", NULL, 0},
	{"v=tlsrptv1;rua=mailto:a@x.example", NULL, 0},
	{"v=TLSRPTv2;rua=mailto:a@x.example", NULL, 0},
	{"rua=mailto:a@x.example;v=TLSRPTv1", NULL, 0},
	{"", NULL, 0},
};

static void test_records_are_read_as_the_table_says(void **state)
{
	struct tls_ruas ruas;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool is_good = tls_record_parse(bytes_of(cases[i].text), &ruas);
		if (is_good != (cases[i].count > 0) || ruas.count != cases[i].count)
			fail_msg("%s: %zu addresses", cases[i].text, ruas.count);
		if (is_good)
			assert_string_equal(ruas.uris[0], cases[i].first);
	}
}

static void test_a_record_that_is_not_ours_does_not_count_as_one(void **state)
{
	(void)state;
	assert_true(tls_record_is_one(BYTES("v=TLSRPTv1; nonsense")));
	assert_false(tls_record_is_one(BYTES("v=spf1 -all")));
	assert_false(tls_record_is_one(BYTES("v=TLSRPTv12; rua=mailto:a@x.example")));
}

static void test_an_address_that_does_not_fit_is_left_out(void **state)
{
	char text[700] = "v=TLSRPTv1;rua=mailto:";
	struct tls_ruas ruas;
	(void)state;
	memset(text + strlen(text), 'a', 400);
	(void)strcat(text, "@x.example,mailto:b@x.example");
	assert_true(tls_record_parse(bytes_of(text), &ruas));
	assert_int_equal(ruas.count, 1);
	assert_string_equal(ruas.uris[0], "mailto:b@x.example");
}

static void test_a_mail_address_is_decoded(void **state)
{
	char address[TLS_RUA_SIZE];
	(void)state;
	assert_true(tls_rua_mail("MAILTO:a%2Bb@x.example?subject=y", address));
	assert_string_equal(address, "a+b@x.example");
	assert_false(tls_rua_mail("mailto:a%3@x.example", address));
	assert_false(tls_rua_mail("mailto:a@b@x.example", address));
	assert_false(tls_rua_mail("https://x.example", address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_are_read_as_the_table_says),
		cmocka_unit_test(test_a_record_that_is_not_ours_does_not_count_as_one),
		cmocka_unit_test(test_an_address_that_does_not_fit_is_left_out),
		cmocka_unit_test(test_a_mail_address_is_decoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
