/* What returned mails say: the standard form, prose, notices that are no bounces, complaints, answers; and hostile ones. */
#include "tests/check.h"

#include "lib/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* "bounce: a@b.test bounce failed 5.1.1 550; ..." */
static const char *told(const char *mail)
{
	struct report report;
	report_read(arena, bytes_of(mail), &report);
	const char *all = arena_printf(arena, "%s:", report_kind_name(report.kind));
	for (size_t i = 0; i < report.count; i++) {
		const struct report_recipient *recipient = &report.recipients[i];
		char status[16];
		enhanced_code_text(recipient->status, status);
		all = arena_printf(arena, "%s %.*s %s %s %s %u;", all,
				   BYTES_ARGS(recipient->address),
				   report_kind_name(recipient->kind),
				   report_action_name(recipient->action), status, recipient->code);
	}
	return all;
}

#define DAEMON "From: MAILER-DAEMON@mx.test\nTo: us@sender.test\nSubject: Undelivered Mail\n"
#define REPORT                                                                                     \
	DAEMON "Content-Type: multipart/report; report-type=delivery-status; "                     \
	       "boundary=b\n\n--b\n\n"                                                             \
	       "It failed.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; "  \
	       "mx.test\n\n"
#define ORIGINAL                                                                                   \
	"\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <m1@sender.test>\nFrom: "              \
	"us@sender.test\n"                                                                         \
	"To: a@there.test\n\nhello\n--b--\n"

static void test_delivery_statuses(void **state)
{
	static const struct {
		const char *mail, *told;
	} cases[] = {
		{REPORT "Final-Recipient: rfc822; a@there.test\nAction: failed\nStatus: 5.1.1\n"
			"Diagnostic-Code: smtp; 550 5.1.1 no such\n user\n" ORIGINAL,
		 "bounce: a@there.test bounce failed 5.1.1 550;"},
		{REPORT "Final-Recipient: rfc822;<a@there.test>\nAction: delayed\nStatus: "
			"4.4.1\n" ORIGINAL,
		 "delay: a@there.test delay delayed 4.4.1 0;"},
		{REPORT
		 "Final-Recipient: rfc822;a@there.test\nAction: relayed\nStatus: 2.1.5\n" ORIGINAL,
		 "success: a@there.test success relayed 2.1.5 0;"},
		{REPORT
		 "Final-Recipient: rfc822;a@there.test\nAction: expanded\nStatus: 2.0.0\n" ORIGINAL,
		 "success: a@there.test success expanded 2.0.0 0;"},
		/* several, of different fates; and without an empty line between */
		{REPORT
		 "Final-Recipient: rfc822; a@there.test\nAction: failed\nStatus: 5.2.2\n\n"
		 "Final-Recipient: rfc822; b@there.test\nAction: delayed\nStatus: 4.2.2\n" ORIGINAL,
		 "bounce: a@there.test bounce failed 5.2.2 0; b@there.test delay delayed 4.2.2 0;"},
		{REPORT
		 "Final-Recipient: rfc822; a@there.test\nAction: failed\nStatus: 5.2.2\n"
		 "Final-Recipient: rfc822; b@there.test\nAction: failed\nStatus: 5.1.1\n" ORIGINAL,
		 "bounce: a@there.test bounce failed 5.2.2 0; b@there.test bounce failed 5.1.1 0;"},
		/* to whom we sent it, not where it was forwarded */
		{REPORT
		 "Original-Recipient: rfc822;a@there.test\nFinal-Recipient: rfc822; z@else.test\n"
		 "Action: failed\nStatus: 5.0.0\n" ORIGINAL,
		 "bounce: a@there.test bounce failed 5.0.0 0;"},
		/* the reply's own code tells more */
		{REPORT "Final-Recipient: rfc822; a@there.test\nAction: failed\nStatus: 5.0.0\n"
			"Diagnostic-Code: smtp; 554 5.7.1 no\n" ORIGINAL,
		 "bounce: a@there.test bounce failed 5.7.1 554;"},
		/* no recipient named: it is the original's */
		{REPORT ORIGINAL, "bounce: a@there.test bounce failed  0;"},
		/* the same in a text, quoted */
		{DAEMON
		 "\n> Final-Recipient: rfc822; a@there.test\n> Action: failed\n> Status: 5.1.1\n",
		 "bounce: a@there.test bounce failed 5.1.1 0;"},
		/* a bounce that was forwarded as an attachment */
		{"From: boss@sender.test\nSubject: look\nContent-Type: multipart/mixed; "
		 "boundary=o\n\n--o\n\n"
		 "see\n--o\nContent-Type: message/rfc822\n\n" REPORT
		 "Final-Recipient: rfc822; a@there.test\nAction: failed\nStatus: 5.1.1\n" ORIGINAL
		 "--o--\n",
		 "bounce: a@there.test bounce failed 5.1.1 0;"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(told(cases[i].mail), cases[i].told);
}

static void test_prose(void **state)
{
	static const struct {
		const char *mail, *told;
	} cases[] = {
		/* qmail */
		{"From: MAILER-DAEMON@mx.test\nSubject: failure notice\n\nHi. This is the "
		 "qmail-send "
		 "program.\n\n<a@there.test>:\n192.0.2.1 does not like recipient.\nRemote host "
		 "said: 550 "
		 "5.1.1 no such user\nGiving up on 192.0.2.1.\n\n<b@there.test>:\nSorry, over "
		 "quota. "
		 "(#4.2.2)\n\n--- Below this line is a copy of the message.\n\nTo: c@there.test\n",
		 "bounce: a@there.test bounce failed 5.1.1 550; b@there.test bounce failed 4.2.2 "
		 "0;"},
		/* Exim */
		{"From: Mail Delivery System <Mailer-Daemon@mx.test>\nX-Failed-Recipients: "
		 "a@there.test\n"
		 "Subject: Mail delivery failed\n\nThe following address(es) failed:\n\n  "
		 "a@there.test\n    "
		 "host mx [192.0.2.1]\n    SMTP error from remote mail server after RCPT "
		 "TO:<a@there.test>:\n    550 unknown user\n\n------ This is a copy of the message "
		 "------\n\n",
		 "bounce: a@there.test bounce failed  550;"},
		/* still trying */
		{DAEMON
		 "\nTHIS IS A WARNING MESSAGE ONLY.\n\nDelivery to the following recipient has "
		 "been "
		 "delayed:\n\n   a@there.test\n\nMessage will be retried for 2 more day(s)\n",
		 "delay: a@there.test delay delayed  0;"},
		/* Exchange's echo of the header names the sender's own list, not the recipient */
		{DAEMON "\nYour message\n\n  To: list@sender.test\n  Subject: x\n\ndid not reach "
			"the following "
			"recipient(s):\n\na@there.test on Thu, 1 Jan 2020 00:00:00\n    The "
			"recipient name is "
			"not recognized\n",
		 "bounce: a@there.test bounce failed  0;"},
		/* nobody is named: the original's recipient */
		{DAEMON "\nIt could not be delivered.\n\n--- Original message follows.\n\nTo: "
			"a@there.test\n"
			"Subject: x\n\n",
		 "bounce: a@there.test bounce failed  0;"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(told(cases[i].mail), cases[i].told);
}

static void test_what_is_no_bounce(void **state)
{
	static const struct {
		const char *mail, *told;
	} cases[] = {
		{"From: a@there.test\nAuto-Submitted: auto-replied\nSubject: Re: x\n\nI am away. "
		 "The mail "
		 "could not be delivered to b@there.test.\n",
		 "auto-reply: a@there.test auto-reply   0;"},
		{"From: a@there.test\nSubject: Out of Office: x\n\nBack on Monday.\n",
		 "auto-reply: a@there.test auto-reply   0;"},
		{"From: a@there.test\nSubject: please verify\n\nPlease confirm that you are a "
		 "person: "
		 "http://x.test\n",
		 "challenge: a@there.test challenge   0;"},
		{"From: a@there.test\nTo: unsubscribe@sender.test\nSubject: x\n\n",
		 "unsubscribe: a@there.test unsubscribe   0;"},
		{"From: a@there.test\nSubject: Unsubscribe\n\n",
		 "unsubscribe: a@there.test unsubscribe   0;"},
		{"From: d@big.test\nSubject: Report Domain: x.test Submitter: big.test Report-ID: "
		 "1\n\n",
		 "dmarc-report:"},
		{"From: d@big.test\nSubject: r\nContent-Type: application/gzip; "
		 "name=\"big.test!x.test!1!2.xml.gz\"\n\n",
		 "dmarc-report:"},
		{"From: d@big.test\nContent-Type: multipart/report; report-type=tlsrpt; "
		 "boundary=b\n\n--b\n\n",
		 "tls-report:"},
		{"From: a@there.test\nContent-Type: multipart/report; "
		 "boundary=b\n\n--b\n\nread\n--b\n"
		 "Content-Type: message/disposition-notification\n\nFinal-Recipient: "
		 "rfc822;a@there.test\n"
		 "Disposition: manual-action/MDN-sent-manually; deleted\n\n--b--\n",
		 "receipt: a@there.test receipt   0;"},
		{"From: a@there.test\nSubject: Hello\n\nHow are you?\n", "unknown:"},
		{"", "unknown:"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(told(cases[i].mail), cases[i].told);
}

static void test_complaints(void **state)
{
	static const char mail[] =
		"From: fbl@big.test\nContent-Type: multipart/report; report-type=feedback-report; "
		"boundary=b\n\n--b\n\nspam\n--b\nContent-Type: message/feedback-report\n\n"
		"Feedback-Type: abuse\nUser-Agent: Big/1\nOriginal-Rcpt-To: <a@there.test>\n"
		"Original-Rcpt-To: b@there.test\nOriginal-Mail-From: <v@sender.test>\n\n--b\n"
		"Content-Type: message/rfc822\n\nMessage-ID: <m@sender.test>\n\n--b--\n";
	struct report report;
	(void)state;
	assert_string_equal(told(mail),
			    "complaint: a@there.test complaint   0; b@there.test complaint   0;");
	report_read(arena, bytes_of(mail), &report);
	assert_true(bytes_is(report.feedback_type, "abuse"));
	assert_true(bytes_is(report.message_id, "m@sender.test"));
	assert_string_equal(
		told("From: staff@hot.test\nSubject: complaint about message from 192.0.2.1\n"
		     "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
		     "Content-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: a@there.test\n"
		     "Message-ID: <m@x>\n\nhi\n--b--\n"),
		"complaint: a@there.test complaint   0;");
	assert_string_equal(
		told("From: no-reply@sns.test\n\n{\"notificationType\":\"Bounce\",\"bounce\":{"
		     "\"bouncedRecipients\":[{\"emailAddress\":\"a@there.test\",\"status\":\"5.1."
		     "1\","
		     "\"diagnosticCode\":\"smtp; 550 5.1.1 unknown\"}]}}\n"),
		"bounce: a@there.test bounce failed 5.1.1 550;");
}

static void test_the_original_is_known(void **state)
{
	struct report report;
	(void)state;
	report_read(
		arena,
		bytes_of(REPORT
			 "Final-Recipient: rfc822; a@there.test\nAction: failed\nStatus: 5.1.1\n"
			 "Remote-MTA: dns; mx.there.test\n" ORIGINAL),
		&report);
	assert_true(bytes_is(report.message_id, "m1@sender.test"));
	assert_true(bytes_is(report.original_from, "us@sender.test"));
	assert_true(bytes_is(report.reporter, "mx.test"));
	assert_true(bytes_is(report.recipients[0].remote, "mx.there.test"));
}

/* What a stranger can send large: addresses, fields, lines. */
static void test_hostile_mails_are_cut(void **state)
{
	static const char *const heads[] = {DAEMON "\nfailed:\n", REPORT};
	static const char *const lines[] = {
		"a%d@there.test:\n", "Final-Recipient: rfc822; a%d@there.test\nAction: failed\n\n"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t size = 1 << 20;
		char *mail = malloc(size), *end = stpcpy(mail, heads[i]);
		for (int n = 0; (size_t)(end - mail) < size - 200; n++)
			end += snprintf(end, 200, lines[i], n);
		struct report report;
		report_read(arena, bytes_from(mail, (size_t)(end - mail)), &report);
		assert_int_equal(report.count, REPORT_RECIPIENTS_MAX);
		assert_true(report.is_cut);
		free(mail);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_delivery_statuses),	  TEST(test_prose),
		TEST(test_what_is_no_bounce),	  TEST(test_complaints),
		TEST(test_the_original_is_known), TEST(test_hostile_mails_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
