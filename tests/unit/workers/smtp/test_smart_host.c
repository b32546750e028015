/* What only routes ask for: logins, TLS before the greeting, LMTP; and mail that asks for TLS all the way (RFC 8689). */
#include "fixture_smtp.h"

#define PLAIN "AGFkYQBzZWNyZXQ=" /* NUL ada NUL secret */

static void begin_login(struct smtp_fixture *f, bool in_clear)
{
	f->options = (struct smtp_session_options){
		.user = "ada", .password = "secret", .may_auth_in_clear = in_clear};
	begin_session(f, SMTP_TLS_NONE);
	smtp_session_connected(f->session);
	remote_says(f, "220 hi");
	assert_sent(f, "EHLO worker.example\r\n");
}

static void test_auth_plain_in_one_command(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, true);
	remote_says(f, "250-hi\r\n250 AUTH LOGIN PLAIN");
	assert_sent(f, "AUTH PLAIN " PLAIN "\r\n");
	assert_int_equal(f->deadline_ms, f->timeouts.auth);
	assert_int_equal(f->ready_count, 0);
	remote_says(f, "235 2.7.0 fine");
	assert_int_equal(f->ready_count, 1);
}

static void test_auth_plain_for_a_host_that_asks_for_it_by_itself(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, true);
	remote_says(f, "250-hi\r\n250 AUTH PLAIN", "334 ");
	assert_sent(f, "AUTH PLAIN " PLAIN "\r\n" PLAIN "\r\n");
	remote_says(f, "235 fine");
	assert_int_equal(f->ready_count, 1);
}

static void test_auth_login_line_by_line(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, true);
	remote_says(f, "250-hi\r\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6");
	assert_sent(f, "AUTH LOGIN\r\nYWRh\r\nc2VjcmV0\r\n");
	remote_says(f, "235 fine");
	assert_int_equal(f->ready_count, 1);
}

static void test_a_host_that_never_stops_asking_is_left(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, true);
	remote_says(f, "250-hi\r\n250 AUTH LOGIN", "334 a", "334 b", "334 c");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_AUTH, 0, E_MALFORMED);
}

static void test_a_refused_login_ends_the_session(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, true);
	remote_says(f, "250-hi\r\n250 AUTH PLAIN", "535 5.7.8 wrong");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_AUTH, 535, OK);
	assert_int_equal(f->ready_count, 0);
}

static void test_no_password_goes_in_the_clear(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, false);
	remote_says(f, "250-hi\r\n250 AUTH PLAIN");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_AUTH, 0, E_REFUSED);
	assert_sent(f, "QUIT\r\n");
}

static void test_a_host_without_auth_is_left(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, true);
	remote_says(f, "250-hi\r\n250 AUTH GSSAPI");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_AUTH, 0, E_REFUSED);
}

static void test_implicit_tls_comes_before_the_greeting(void **state)
{
	struct smtp_fixture *f = *state;
	f->options = (struct smtp_session_options){
		.has_implicit_tls = true, .user = "ada", .password = "secret"};
	begin_session(f, SMTP_TLS_OPPORTUNISTIC);
	smtp_session_connected(f->session);
	assert_true(f->wants_tls);
	assert_int_equal(f->deadline_ms, f->timeouts.starttls);
	smtp_session_secured(f->session);
	assert_int_equal(f->deadline_ms, f->timeouts.greeting);
	remote_says(f, "220 hi", "250-hi\r\n250-STARTTLS\r\n250 AUTH PLAIN");
	assert_sent(f, "EHLO worker.example\r\nAUTH PLAIN " PLAIN "\r\n");
	remote_says(f, "235 fine");
	assert_int_equal(f->ready_count, 1);
}

static void test_a_failed_implicit_handshake_is_told_at_starttls(void **state)
{
	struct smtp_fixture *f = *state;
	f->options = (struct smtp_session_options){.has_implicit_tls = true};
	begin_session(f, SMTP_TLS_OPPORTUNISTIC);
	smtp_session_connected(f->session);
	smtp_session_broken(f->session, E_TLS, "handshake");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, 0, E_TLS);
}

/* ---- LMTP ---- */

static void be_ready_for_lmtp(struct smtp_fixture *f)
{
	f->options = (struct smtp_session_options){.is_lmtp = true};
	begin_session(f, SMTP_TLS_NONE);
	smtp_session_connected(f->session);
	remote_says(f, "220 hi");
	assert_sent(f, "LHLO worker.example\r\n");
	remote_says(f, "250 hi");
}

static void test_lmtp_answers_for_each_recipient(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready_for_lmtp(f);
	submit(f, "a@x.example", "b@x.example", "c@x.example");
	remote_says(f, "250 ok", "250 ok", "550 no", "250 ok", "354 go", "250 2.0.0 kept");
	assert_result(f, "a@x.example", 250);
	assert_int_equal(f->done_counts[2], 0);
	assert_int_equal(f->deadline_ms, f->timeouts.body);
	remote_says(f, "452 4.2.2 full");
	assert_result(f, "b@x.example", 550);
	assert_result(f, "c@x.example", 452);
	assert_int_equal(f->transaction_done_count, 1);
	assert_true(smtp_session_is_reusable(f->session));
}

static void test_lmtp_that_stops_halfway_leaves_the_rest_in_doubt(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready_for_lmtp(f);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "250 ok", "250 ok", "354 go", "250 kept");
	remote_hangs_up(f);
	assert_result(f, "a@x.example", 250);
	assert_int_equal(outcome_of(f, "b@x.example")->kind, SMTP_IN_DOUBT);
}

static void test_lmtp_has_no_helo(void **state)
{
	struct smtp_fixture *f = *state;
	f->options = (struct smtp_session_options){.is_lmtp = true};
	begin_session(f, SMTP_TLS_NONE);
	smtp_session_connected(f->session);
	remote_says(f, "220 hi", "500 what");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_EHLO, 500, OK);
}

/* ---- REQUIRETLS ---- */

static void begin_required(struct smtp_fixture *f, const char *capabilities)
{
	f->options = (struct smtp_session_options){.requires_requiretls = true};
	begin_session(f, SMTP_TLS_VERIFIED);
	smtp_session_connected(f->session);
	remote_says(f, "220 hi", capabilities);
}

static void test_requiretls_is_told_under_tls_where_it_is_offered(void **state)
{
	struct smtp_fixture *f = *state;
	begin_required(f, "250-hi\r\n250 STARTTLS");
	remote_says(f, "220 go");
	smtp_session_secured(f->session);
	remote_says(f, "250-hi\r\n250 REQUIRETLS");
	assert_int_equal(f->ready_count, 1);
	buf_clear(&f->wire);
	f->transaction.require_tls = true;
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example> REQUIRETLS\r\n");
}

static void test_a_host_without_requiretls_gets_no_mail(void **state)
{
	struct smtp_fixture *f = *state;
	begin_required(f, "250-hi\r\n250-STARTTLS\r\n250 REQUIRETLS");
	remote_says(f, "220 go");
	smtp_session_secured(f->session);
	remote_says(f, "250 hi"); /* what was offered in the clear does not count */
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_STARTTLS, 550, OK);
	assert_int_equal(f->ended.reply.enhanced.detail, 30);
	begin_required(f, "250-hi\r\n250 REQUIRETLS");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_STARTTLS, 550, OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_auth_plain_in_one_command),
		TEST(test_auth_plain_for_a_host_that_asks_for_it_by_itself),
		TEST(test_auth_login_line_by_line),
		TEST(test_a_host_that_never_stops_asking_is_left),
		TEST(test_a_refused_login_ends_the_session),
		TEST(test_no_password_goes_in_the_clear),
		TEST(test_a_host_without_auth_is_left),
		TEST(test_implicit_tls_comes_before_the_greeting),
		TEST(test_a_failed_implicit_handshake_is_told_at_starttls),
		TEST(test_lmtp_answers_for_each_recipient),
		TEST(test_lmtp_that_stops_halfway_leaves_the_rest_in_doubt),
		TEST(test_lmtp_has_no_helo),
		TEST(test_requiretls_is_told_under_tls_where_it_is_offered),
		TEST(test_a_host_without_requiretls_gets_no_mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
