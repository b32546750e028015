/* Hosts that take fewer recipients at once than a message has: the rest follows in the same session. */
#include "fixture_smtp.h"

#define MAIL "MAIL FROM:<sender@x.example>\r\n"
#define A    "RCPT TO:<a@x.example>\r\n"
#define B    "RCPT TO:<b@x.example>\r\n"
#define C    "RCPT TO:<c@y.example>\r\n"
#define DATA "DATA\r\n"
#define BODY DEFAULT_CONTENT ".\r\n"
#define ALL  "a@x.example", "b@x.example", "c@y.example"

static void test_recipients_that_are_too_many_follow_in_the_next_transaction(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, ALL);
	remote_says(f, "250 ok", "250 ok", "452 too many recipients", "452 4.5.3 too many");
	remote_says(f, "354 go", "250 queued");
	assert_sent(f, MAIL A B C DATA BODY MAIL);
	assert_result(f, "a@x.example", 250);
	assert_int_equal(f->transaction_done_count, 0);
	remote_says(f, "250 ok", "250 ok", "550 no", "354 go", "250 queued");
	assert_sent(f, B C DATA BODY);
	assert_result(f, "b@x.example", 250);
	assert_result(f, "c@y.example", 550);
	assert_int_equal(f->transaction_done_count, 1);
	assert_true(smtp_session_is_reusable(f->session));
}

static void test_the_same_with_everything_in_one_flight(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, ALL);
	assert_sent(f, MAIL A B C DATA);
	remote_says(f, "250 ok", "250 ok", "452 too many", "452 too many", "354 go");
	assert_sent(f, BODY);
	remote_says(f, "250 queued");
	assert_sent(f, MAIL B C DATA);
	remote_says(f, "250 ok", "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "b@x.example", 250);
	assert_result(f, "c@y.example", 250);
}

static void test_too_many_before_any_was_accepted_is_the_answer(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "452 too many", "250 ok", "354 go", "250 queued");
	assert_result(f, "a@x.example", 452);
	assert_result(f, "b@x.example", 250);
	assert_int_equal(f->transaction_done_count, 1);
}

static void test_a_full_mailbox_and_552_are_the_recipients_own(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, ALL);
	remote_says(f, "250 ok", "250 ok", "452 4.2.2 over quota", "552 too many", "354 go",
		    "250 queued");
	assert_result(f, "b@x.example", 452);
	assert_result(f, "c@y.example", 552);
	assert_int_equal(f->transaction_done_count, 1);
}

static void test_a_refused_body_is_no_answer_to_those_who_wait(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "250 ok", "452 too many", "354 go", "554 spam");
	assert_result(f, "a@x.example", 554);
	remote_says(f, "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "b@x.example", 250);
}

static void test_when_the_session_dies_those_who_wait_were_surely_not_sent(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "250 ok", "452 too many", "354 go");
	remote_hangs_up(f);
	assert_int_equal(outcome_of(f, "a@x.example")->kind, SMTP_IN_DOUBT);
	assert_int_equal(outcome_of(f, "b@x.example")->kind, SMTP_NOT_SENT);
	assert_int_equal(f->transaction_done_count, 1);
}

static void test_limits_that_the_host_tells_are_kept(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING\r\nLIMITS RCPTMAX=2");
	submit(f, ALL);
	assert_sent(f, MAIL A B DATA);
	remote_says(f, "250 ok", "550 no", "250 ok", "354 go", "250 queued");
	assert_sent(f, BODY MAIL C DATA);
	remote_says(f, "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "c@y.example", 250);
}

static void test_a_refused_round_goes_on_to_the_next_after_rset(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "LIMITS RCPTMAX=1");
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "550 no");
	assert_sent(f, MAIL A "RSET\r\n");
	remote_says(f, "250 ok", "250 ok", "250 ok", "354 go", "250 queued");
	assert_sent(f, MAIL B DATA BODY);
	assert_result(f, "b@x.example", 250);
}

static void test_domains_of_a_transaction_are_kept_to_the_limit(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING\r\nLIMITS RCPTDOMAINMAX=1");
	submit(f, "a@x.example", "c@y.example", "b@x.example");
	assert_sent(f, MAIL A B DATA);
	remote_says(f, "250 ok", "250 ok", "250 ok", "354 go", "250 queued");
	assert_sent(f, BODY MAIL C DATA);
}

static void test_a_session_ends_with_its_last_transaction(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "LIMITS MAILMAX=1 RCPTMAX=1");
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "a@x.example", 250);
	assert_result(f, "b@x.example", 452);
	assert_sent(f, MAIL A DATA BODY);
	assert_int_equal(f->transaction_done_count, 1);
	assert_false(smtp_session_is_reusable(f->session));
	assert_still_open(f);
}

static bool is_data_asked(struct smtp_fixture *f)
{
	struct bytes sent = buf_bytes(&f->wire);
	return sent.len >= 6 && bytes_is(bytes_skip(sent, sent.len - 6), DATA);
}

static void test_a_host_that_always_says_too_many_is_not_asked_for_ever(void **state)
{
	struct smtp_fixture *f = *state;
	unsigned rounds = 0;
	be_ready(f, NULL);
	submit_many(f, 300);
	while (f->transaction_done_count == 0 && rounds++ < 1000) {
		remote_says(f, "250 ok", "250 ok");
		while (!is_data_asked(f))
			remote_says(f, "452 too many");
		remote_says(f, "354 go", "250 queued");
	}
	assert_int_equal(rounds, 100);
	assert_result(f, "99@x.example", 250);
	assert_result(f, "100@x.example", 452);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_recipients_that_are_too_many_follow_in_the_next_transaction),
		TEST(test_the_same_with_everything_in_one_flight),
		TEST(test_too_many_before_any_was_accepted_is_the_answer),
		TEST(test_a_full_mailbox_and_552_are_the_recipients_own),
		TEST(test_a_refused_body_is_no_answer_to_those_who_wait),
		TEST(test_when_the_session_dies_those_who_wait_were_surely_not_sent),
		TEST(test_limits_that_the_host_tells_are_kept),
		TEST(test_a_refused_round_goes_on_to_the_next_after_rset),
		TEST(test_domains_of_a_transaction_are_kept_to_the_limit),
		TEST(test_a_session_ends_with_its_last_transaction),
		TEST(test_a_host_that_always_says_too_many_is_not_asked_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
