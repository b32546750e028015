/* Each parameter of MAIL and RCPT: what its RFC allows, and nothing else. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/parameters.h"

/* Words one after the other, cut at spaces. */
static unsigned mail_code(const char *text, struct smtpd_mail_parameters *ret)
{
	*ret = (struct smtpd_mail_parameters){0};
	for (struct bytes rest = bytes_of(text); rest.len > 0;) {
		ptrdiff_t space = bytes_find(rest, ' ');
		struct bytes word = space < 0 ? rest : bytes_first(rest, (size_t)space);
		struct smtpd_reply reply = smtpd_mail_parameter(word, ret);
		if (smtpd_objects(reply))
			return reply.code;
		rest = bytes_skip(rest, word.len + 1);
	}
	return 0;
}

static void test_values_of_mail_are_checked(void **state)
{
	static const struct {
		const char *text;
		unsigned code;
	} cases[] = {
		{"RET=FULL", 0},
		{"ret=hdrs", 0},
		{"RET=BODY", 501},
		{"RET=", 501},
		{"RET", 555},
		{"RET=FULL RET=FULL", 501},
		{"ENVID=QQ314159", 0},
		{"ENVID=a+20b", 0},
		{"ENVID=a+0D+0Ab", 501},
		{"ENVID=a=b", 501},
		{"ENVID=", 501},
		{"ENVID=a ENVID=b", 501},
		{"AUTH=<>", 0},
		{"AUTH=ada+40example.com", 0},
		{"AUTH=", 501},
		{"AUTH=a AUTH=a", 501},
		{"HOLDFOR=1", 0},
		{"HOLDFOR=999999999", 0},
		{"HOLDFOR=0", 501},
		{"HOLDFOR=1000000000", 501},
		{"HOLDFOR=-1", 501},
		{"HOLDFOR=1 HOLDFOR=1", 501},
		{"HOLDUNTIL=2026-11-21T09:20:00Z", 0},
		{"HOLDUNTIL=2026-11-21", 501},
		{"HOLDUNTIL=tomorrow", 501},
		{"HOLDFOR=1 HOLDUNTIL=2026-11-21T09:20:00Z", 501},
		{"BY=120;R", 0},
		{"BY=120;N", 0},
		{"BY=120;rt", 0},
		{"BY=-120;N", 0},
		{"BY=0;N", 0},
		{"BY=0;R", 501},
		{"BY=-1;R", 501},
		{"BY=1234567890;R", 501},
		{"BY=120", 501},
		{"BY=120;X", 501},
		{"BY=;R", 501},
		{"BY=--1;N", 501},
		{"BY=1;R BY=1;R", 501},
		{"MT-PRIORITY=9", 0},
		{"MT-PRIORITY=-9", 0},
		{"MT-PRIORITY=0", 0},
		{"MT-PRIORITY=-0", 501},
		{"MT-PRIORITY=10", 501},
		{"MT-PRIORITY=+1", 501},
		{"MT-PRIORITY=1 MT-PRIORITY=1", 501},
		{"REQUIRETLS", 0},
		{"REQUIRETLS=1", 555},
		{"BODY=BINARYMIME", 0},
		{"BODY=9BIT", 501},
		{"SOLICIT=x", 555},
		{"=", 555},
		{"XFOO", 555},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct smtpd_mail_parameters parameters;
		unsigned code = mail_code(cases[i].text, &parameters);
		if (code != cases[i].code)
			print_error("%s\n", cases[i].text);
		assert_int_equal(code, cases[i].code);
	}
}

static void test_values_of_mail_are_told(void **state)
{
	struct smtpd_mail_parameters p;
	(void)state;
	assert_int_equal(mail_code("RET=HDRS ENVID=x+2By HOLDFOR=60 BY=-90;N MT-PRIORITY=-3 "
				   "REQUIRETLS SMTPUTF8 BODY=8BITMIME SIZE=7",
				   &p),
			 0);
	assert_int_equal(p.dsn_return, SMTPD_RETURN_HEADERS);
	assert_true(bytes_is(p.envelope_id, "x+2By"));
	assert_int_equal(p.hold_for_s, 60);
	assert_int_equal(p.deliver_by_s, -90);
	assert_true(p.has_deliver_by && !p.returns_when_late);
	assert_int_equal(p.priority, -3);
	assert_true(p.requires_tls && p.smtputf8 && p.has_size && p.size == 7);
	assert_int_equal(p.body, SMTPD_BODY_8BITMIME);
	assert_int_equal(mail_code("HOLDUNTIL=2026-11-21T10:20:00+01:00 BY=5;RT", &p), 0);
	assert_int_equal(p.hold_until_wall_ms, 1795252800000);
	assert_true(p.returns_when_late && p.deliver_by_s == 5);
}

static void test_an_envelope_id_has_its_limit(void **state)
{
	char text[] = "ENVID=0123456789012345678901234567890123456789012345678901234567890123456789"
		      "012345678901234567890123456789x";
	struct smtpd_mail_parameters p;
	(void)state;
	assert_int_equal(mail_code(text, &p), 501);
	text[strlen(text) - 1] = '\0';
	assert_int_equal(mail_code(text, &p), 0);
}

static void test_parameters_of_rcpt(void **state)
{
	static const struct {
		const char *text;
		unsigned code, notify;
	} cases[] = {
		{"NOTIFY=NEVER", 0, SMTPD_NOTIFY_NEVER},
		{"notify=success", 0, SMTPD_NOTIFY_SUCCESS},
		{"NOTIFY=FAILURE,DELAY,SUCCESS", 0,
		 SMTPD_NOTIFY_SUCCESS | SMTPD_NOTIFY_FAILURE | SMTPD_NOTIFY_DELAY},
		{"NOTIFY=NEVER,DELAY", 501, 0},
		{"NOTIFY=DELAY,NEVER", 501, 0},
		{"NOTIFY=DELAY,DELAY", 501, 0},
		{"NOTIFY=DELAY,", 501, 0},
		{"NOTIFY=,DELAY", 501, 0},
		{"NOTIFY=", 501, 0},
		{"NOTIFY", 555, 0},
		{"ORCPT=rfc822;ada+40example.com", 0, 0},
		{"ORCPT=utf-8;a", 0, 0},
		{"ORCPT=rfc822;", 501, 0},
		{"ORCPT=;a", 501, 0},
		{"ORCPT=rfc822", 501, 0},
		{"ORCPT=r c;a", 501, 0},
		{"ORCPT=rfc822;a+0Ab", 501, 0},
		{"ORCPT=rfc_822;a", 501, 0},
		{"RET=FULL", 555, 0},
		{"RRVS=2026-01-01T00:00:00Z", 555, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct smtpd_rcpt_parameters p = {0};
		struct smtpd_reply reply = smtpd_rcpt_parameter(bytes_of(cases[i].text), &p);
		assert_int_equal(reply.code, cases[i].code);
		if (reply.code == 0)
			assert_int_equal(p.notify, cases[i].notify);
	}
	struct smtpd_rcpt_parameters p = {0};
	assert_int_equal(smtpd_rcpt_parameter(BYTES("ORCPT=rfc822;a;b"), &p).code, 0);
	assert_true(bytes_is(p.original_type, "rfc822") && bytes_is(p.original, "a;b"));
	assert_int_equal(smtpd_rcpt_parameter(BYTES("ORCPT=rfc822;a"), &p).code, 501);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_of_mail_are_checked),
		cmocka_unit_test(test_values_of_mail_are_told),
		cmocka_unit_test(test_an_envelope_id_has_its_limit),
		cmocka_unit_test(test_parameters_of_rcpt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
