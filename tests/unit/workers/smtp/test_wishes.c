/* What a sender asked for is told to hosts that offer to know it, and to no others. Sessions that were idle. Slow takers. */
#include "fixture_smtp.h"

#include <string.h>

static struct smtp_recipient_wishes wishes[2];

static void wish(struct smtp_fixture *f)
{
	f->transaction.wishes = (struct smtp_mail_wishes){
		.envelope_id = BYTES("QQ+3=x"), .dsn_return = SMTP_RETURN_HEADERS, .priority = 13};
	wishes[0] = (struct smtp_recipient_wishes){SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY,
						   BYTES("rfc822;Ada+x@x.example")};
	wishes[1] = (struct smtp_recipient_wishes){SMTP_NOTIFY_NEVER, BYTES("no type here")};
	f->transaction.recipient_wishes = wishes;
}

static void test_dsn_and_priority_are_told_where_they_are_offered(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING\r\nDSN\r\nMT-PRIORITY");
	wish(f);
	submit(f, "a@x.example", "b@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example> MT-PRIORITY=3 RET=HDRS ENVID=QQ+2B3+3Dx\r\n"
		       "RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY "
		       "ORCPT=rfc822;Ada+2Bx@x.example\r\n"
		       "RCPT TO:<b@x.example> NOTIFY=NEVER\r\nDATA\r\n");
}

static void test_nothing_is_told_where_it_is_not_offered(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	wish(f);
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n");
}

static void test_values_that_are_too_long_for_a_command_are_left_out(void **state)
{
	struct smtp_fixture *f = *state;
	char text[1000];
	memset(text, '+', sizeof text - 1);
	memcpy(text, "rfc822;", 7);
	text[sizeof text - 1] = '\0';
	be_ready(f, "DSN");
	wish(f);
	f->transaction.wishes.envelope_id = bytes_of(text);
	wishes[0].original = bytes_of(text);
	submit(f, "a@x.example");
	remote_says(f, "250 ok");
	assert_sent(f, "MAIL FROM:<sender@x.example> RET=HDRS\r\n"
		       "RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY\r\n");
}

static void test_after_a_brief_idle_time_mail_comes_at_once(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	smtp_session_resume(f->session, false);
	smtp_session_go_on(f->session);
	assert_int_equal(f->ready_count, 2);
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n");
}

static void test_after_a_long_one_rset_goes_in_the_same_flight(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	smtp_session_resume(f->session, true);
	smtp_session_go_on(f->session);
	submit(f, "a@x.example");
	assert_sent(f, "RSET\r\nMAIL FROM:<sender@x.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n");
	assert_int_equal(f->deadline_ms, f->timeouts.rset);
	remote_says(f, "250 ok", "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "a@x.example", 250);
}

/* The remote grew tired of waiting: that says nothing about the mail. */
static void test_421_to_the_first_command_after_idling_is_no_answer(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	smtp_session_resume(f->session, false);
	smtp_session_go_on(f->session);
	submit(f, "a@x.example");
	remote_says(f, "421 4.4.2 idle too long");
	assert_int_equal(outcome_of(f, "a@x.example")->kind, SMTP_NOT_SENT);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_MAIL, 0, E_CLOSED);
}

static void test_421_later_is_the_answer(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	smtp_session_resume(f->session, false);
	smtp_session_go_on(f->session);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "421 4.7.0 slow down");
	assert_result(f, "a@x.example", 421);
}

static void test_eight_bits_are_not_for_hosts_that_take_seven(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	f->transaction.eightbit = f->transaction.needs_eightbitmime = true;
	submit(f, "a@x.example");
	assert_result(f, "a@x.example", 554);
	assert_true(outcome_of(f, "a@x.example")->wants_seven_bit);
	assert_sent(f, "");
	assert_true(smtp_session_is_reusable(f->session));

	be_ready(f, "8BITMIME");
	f->transaction.eightbit = f->transaction.needs_eightbitmime = true;
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example> BODY=8BITMIME\r\n");
}

/* A host that takes a little now and then is not waited for without end. */
static void test_too_little_of_a_body_is_no_progress(void **state)
{
	struct smtp_fixture *f = *state;
	static char content[200000];
	memset(content, 'x', sizeof content);
	be_ready(f, NULL);
	f->timeouts.block = 1000;
	f->timeouts.slowest_rate = 40000;
	f->transaction.content = bytes_from(content, sizeof content);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "250 ok");
	f->room = 0;
	remote_says(f, "354 go");
	assert_int_equal(f->deadline_ms, 1000);
	f->deadline_ms = -1; /* not set again */
	drain(f, 17000);
	assert_int_equal(f->deadline_ms, -1);
	drain(f, 17000);
	assert_int_equal(f->deadline_ms, -1);
	drain(f, 17000);
	assert_int_equal(f->deadline_ms, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_dsn_and_priority_are_told_where_they_are_offered),
		TEST(test_nothing_is_told_where_it_is_not_offered),
		TEST(test_values_that_are_too_long_for_a_command_are_left_out),
		TEST(test_after_a_brief_idle_time_mail_comes_at_once),
		TEST(test_after_a_long_one_rset_goes_in_the_same_flight),
		TEST(test_421_to_the_first_command_after_idling_is_no_answer),
		TEST(test_421_later_is_the_answer),
		TEST(test_eight_bits_are_not_for_hosts_that_take_seven),
		TEST(test_too_little_of_a_body_is_no_progress),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
