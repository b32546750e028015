/* The names of a report, and the mail around it (RFC 8460 5). */
#include "tests/check.h"

#include <string.h>

#include "bouncer/tlsreports/compose.h"
#include "bouncer/tlsreports/reports.h"
#include "bouncer/tlsreports/upload.h"

static const struct tls_report_settings settings = {
	.from = "tls@sender.test", .organization = "Sender", .contact = "", .pool = ""};
static const struct tls_edition edition = {
	.settings = &settings, .day = 20000, .domain = "x.test"}; /* 2024-10-04 */

static void test_names(void **state)
{
	char id[TLS_REPORT_ID_SIZE], name[TLS_REPORT_NAME_SIZE];
	(void)state;
	tls_edition_id(&edition, id);
	assert_string_equal(id, "20241004.x.test@sender.test");
	tls_edition_file_name(&edition, name);
	assert_string_equal(name, "sender.test!x.test!1728000000!1728086399.json.gz");
}

static void test_the_mail_has_what_readers_look_for_in_short_lines(void **state)
{
	static uint8_t packed[1000];
	struct buf mail;
	(void)state;
	buf_init(&mail, tls_edition_mail_size(sizeof packed));
	assert_int_equal(tls_edition_mail(&edition, "tls@x.test", bytes_from(packed, sizeof packed),
					  1728090000000, &mail),
			 OK);
	assert_int_equal(buf_append(&mail, bytes_from("", 1)), OK);
	const char *text = (const char *)buf_bytes(&mail).data;
	static const char *const wanted[] = {
		"From: <tls@sender.test>\r\n",
		"To: <tls@x.test>\r\n",
		"Subject: Report Domain: x.test\r\n Submitter: sender.test\r\n"
		" Report-ID: <20241004.x.test@sender.test>\r\n",
		"TLS-Report-Domain: x.test\r\n",
		"TLS-Report-Submitter: sender.test\r\n",
		"multipart/report; report-type=\"tlsrpt\"",
		"Content-Type: application/tlsrpt+gzip\r\n",
		"filename=\"sender.test!x.test!1728000000!1728086399.json.gz\"",
	};
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		assert_non_null(strstr(text, wanted[i]));
	while (*text) {
		const char *end = strstr(text, "\r\n");
		assert_non_null(end);
		assert_true(end - text <= 78);
		text = end + 2;
	}
	buf_done(&mail);
}

static void test_answers_to_a_post(void **state)
{
	(void)state;
	assert_int_equal(tls_upload_judge(200), OK);
	assert_int_equal(tls_upload_judge(201), OK);
	assert_int_equal(tls_upload_judge(301), E_REFUSED);
	assert_int_equal(tls_upload_judge(404), E_REFUSED);
	assert_int_equal(tls_upload_judge(429), E_IO);
	assert_int_equal(tls_upload_judge(503), E_IO);
}

static void test_waits_double_up_to_two_hours(void **state)
{
	(void)state;
	assert_int_equal(tls_report_wait_ms(1), 300000);
	assert_int_equal(tls_report_wait_ms(2), 600000);
	assert_int_equal(tls_report_wait_ms(6), 7200000);
	assert_int_equal(tls_report_wait_ms(4000000000u), 7200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_the_mail_has_what_readers_look_for_in_short_lines),
		cmocka_unit_test(test_answers_to_a_post),
		cmocka_unit_test(test_waits_double_up_to_two_hours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
