/* Commands: what a client may write, what it may not, and that both are told apart the same way
 * every time. */
#include "tests/check.h"

#include <string.h>

#include "ingest/smtp/command.h"

static void test_each_line_gets_its_verb_and_its_verdict(void **state)
{
	static const struct {
		const char *line;
		enum smtpd_verb verb;
		unsigned code; /* 0: nothing against it */
		const char *enhanced;
	} cases[] = {
		{"HELO client.example", SMTPD_HELO, 0, ""},
		{"ehlo [192.0.2.1]", SMTPD_EHLO, 0, ""},
		{"EHLO x ", SMTPD_EHLO, 0, ""},
		{"EHLO", SMTPD_EHLO, 501, "5.5.4"},
		{"EHLO two words", SMTPD_EHLO, 501, "5.5.4"},
		{"EHLO a\tb", SMTPD_EHLO, 501, "5.5.4"},
		{"MAIL FROM:<a@x.example>", SMTPD_MAIL, 0, ""},
		{"mail from:<a@x.example>", SMTPD_MAIL, 0, ""},
		{"MAIL FROM: <a@x.example>", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:<>", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:<a@x.example> SIZE=1000 BODY=8BITMIME SMTPUTF8", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:<a@x.example> size=0 body=7bit", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:<\xc3\xa4@x.example> SMTPUTF8", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:<\xc3\xa4@x.example>", SMTPD_MAIL, 553, "5.6.7"},
		{"MAIL FROM:<a@x.example>SIZE=1", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL FROM:<a@x.example> SIZE=1 SIZE=2", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL FROM:<a@x.example> BODY=7BIT BODY=7BIT", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL FROM:<a@x.example> SIZE=-1", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL FROM:<a@x.example> SIZE=", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL FROM:<a@x.example> SIZE=99999999999999999999", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL FROM:<a@x.example> SIZE", SMTPD_MAIL, 555, "5.5.4"},
		{"MAIL FROM:<a@x.example> BODY=BINARYMIME", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:<a@x.example> SMTPUTF8=yes", SMTPD_MAIL, 555, "5.5.4"},
		{"MAIL FROM:<a@x.example> RET=FULL ENVID=a+2Bb", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:<a@x.example> AUTH=<>", SMTPD_MAIL, 0, ""},
		{"MAIL FROM:a@x.example", SMTPD_MAIL, 553, "5.1.7"},
		{"MAIL FROM:<a@x.example", SMTPD_MAIL, 553, "5.1.7"},
		{"MAIL FROM:<postmaster>", SMTPD_MAIL, 553, "5.1.7"},
		{"MAIL FROM", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL", SMTPD_MAIL, 501, "5.5.4"},
		{"MAIL TO:<a@x.example>", SMTPD_MAIL, 501, "5.5.4"},
		{"RCPT TO:<a@x.example>", SMTPD_RCPT, 0, ""},
		{"RCPT TO:<postmaster>", SMTPD_RCPT, 0, ""},
		{"RCPT TO:<\xc3\xa4@x.example>", SMTPD_RCPT, 0, ""},
		{"RCPT TO:<>", SMTPD_RCPT, 553, "5.1.3"},
		{"RCPT TO:<a@x.example> NOTIFY=NEVER", SMTPD_RCPT, 0, ""},
		{"RCPT TO:<a b@x.example>", SMTPD_RCPT, 553, "5.1.3"},
		{"DATA", SMTPD_DATA, 0, ""},
		{"DATA ", SMTPD_DATA, 0, ""},
		{"DATA now", SMTPD_DATA, 501, "5.5.4"},
		{"RSET", SMTPD_RSET, 0, ""},
		{"NOOP anything at all", SMTPD_NOOP, 0, ""},
		{"QUIT", SMTPD_QUIT, 0, ""},
		{"QUIT please", SMTPD_QUIT, 501, "5.5.4"},
		{"VRFY root", SMTPD_VRFY, 0, ""},
		{"HELP", SMTPD_HELP, 0, ""},
		{"STARTTLS", SMTPD_STARTTLS, 0, ""},
		{"STARTTLS now", SMTPD_STARTTLS, 501, "5.5.4"},
		{"AUTH PLAIN AGEAYg==", SMTPD_AUTH, 0, ""},
		{"AUTH", SMTPD_AUTH, 501, "5.5.4"},
		{"AUTH PLAIN a b", SMTPD_AUTH, 501, "5.5.4"},
		{"EXPN staff", SMTPD_NOT_OFFERED, 502, "5.5.1"},
		{"BDAT 86 LAST", SMTPD_BDAT, 0, ""},
		{"BDAT 86 FIRST", SMTPD_BDAT, 501, "5.5.4"},
		{"XCLIENT ADDR=x", SMTPD_XCLIENT, 0, ""},
		{"BDAT", SMTPD_BDAT, 501, "5.5.4"},
		{"GET / HTTP/1.1", SMTPD_FOREIGN, 502, "5.5.1"},
		{"", SMTPD_UNKNOWN, 500, "5.5.1"},
		{" EHLO x", SMTPD_UNKNOWN, 500, "5.5.1"},
		{"MAILFROM:<a@x.example>", SMTPD_UNKNOWN, 500, "5.5.1"},
		{"NOOP\rMAIL FROM:<a@x.example>", SMTPD_UNKNOWN, 500, "5.5.2"},
		{"NOOP\nMAIL FROM:<a@x.example>", SMTPD_UNKNOWN, 500, "5.5.2"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct smtpd_command command;
		struct smtpd_reply reply = smtpd_command_parse(bytes_of(cases[i].line), &command);
		bool is_right =
			command.verb == cases[i].verb && reply.code == cases[i].code &&
			strncmp(reply.text, cases[i].enhanced, strlen(cases[i].enhanced)) == 0;
		if (!is_right)
			print_error("%s: verb %d, %u %s\n", cases[i].line, (int)command.verb,
				    reply.code, reply.text);
		assert_true(is_right);
	}
}

static void test_mail_tells_what_it_was_given(void **state)
{
	struct smtpd_command command;
	(void)state;
	struct smtpd_reply reply =
		smtpd_command_parse(BYTES("MAIL FROM:<\"a b\"@x.example> SIZE=18446744073709551615 "
					  "BODY=8BITMIME SMTPUTF8"),
				    &command);
	assert_int_equal(reply.code, 0);
	assert_true(bytes_is(command.path.text, "\"a b\"@x.example"));
	assert_true(command.mail.has_size);
	assert_true(command.mail.size == UINT64_MAX);
	assert_int_equal(command.mail.body, SMTPD_BODY_8BITMIME);
	assert_true(command.mail.smtputf8);
}

static void test_a_nul_is_refused(void **state)
{
	struct smtpd_command command;
	(void)state;
	assert_int_equal(smtpd_command_parse(BYTES("NOOP\0x"), &command).code, 500);
	assert_int_equal(smtpd_command_parse(BYTES("\0"), &command).code, 500);
}

static void test_a_line_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
	char line[SMTPD_LINE_MAX];
	struct smtpd_command command;
	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "NOOP ", 5);
	assert_int_equal(smtpd_command_parse(bytes_from(line, SMTPD_LINE_MAX - 2), &command).code,
			 0);
	assert_int_equal(smtpd_command_parse(bytes_from(line, SMTPD_LINE_MAX - 1), &command).code,
			 500);
	memcpy(line, "EHLO ", 5);
	assert_int_equal(smtpd_command_parse(bytes_from(line, 5 + SMTPD_HELO_MAX), &command).code,
			 0);
	assert_int_equal(smtpd_command_parse(bytes_from(line, 6 + SMTPD_HELO_MAX), &command).code,
			 501);
}

static void test_an_address_that_is_too_long_is_refused(void **state)
{
	char line[256] = "RCPT TO:<";
	struct smtpd_command command;
	(void)state;
	memset(line + strlen(line), 'l', ADDRESS_LOCAL_MAX + 1);
	strcat(line, "@x.example>");
	assert_int_equal(smtpd_command_parse(bytes_of(line), &command).code, 553);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_line_gets_its_verb_and_its_verdict),
		cmocka_unit_test(test_mail_tells_what_it_was_given),
		cmocka_unit_test(test_a_nul_is_refused),
		cmocka_unit_test(test_a_line_may_be_as_long_as_the_limit_and_no_longer),
		cmocka_unit_test(test_an_address_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
