/* From the greeting to ready: EHLO, HELO, STARTTLS by each policy. */
#include "fixture_smtp.h"

#include <string.h>

#define EHLO		"EHLO worker.example\r\n"
#define OFFERS_STARTTLS "250-remote.example\r\n250-SIZE 1000\r\n250 STARTTLS"
#define OFFERS_NOTHING	"250 remote.example"

static void begin(struct smtp_fixture *f, enum smtp_tls tls)
{
	begin_session(f, tls);
	smtp_session_connected(f->session);
	assert_sent(f, "");
	assert_int_equal(f->deadline_ms, f->timeouts.greeting);
}

static void test_greeting_and_ehlo_make_it_ready(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_NONE);
	remote_says(f, "220-remote.example\r\n220 ESMTP");
	assert_sent(f, EHLO);
	assert_int_equal(f->deadline_ms, f->timeouts.ehlo);
	remote_says(f, "250-remote.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1000");
	assert_int_equal(f->ready_count, 1);
	assert_int_equal(f->deadline_ms, 0);
	assert_sent(f, "");
	const struct ehlo_capabilities *offers = smtp_session_capabilities(f->session);
	assert_true(offers->pipelining && offers->eightbitmime);
	assert_int_equal(offers->size_max_bytes, 1000);
}

static void test_a_refusing_greeting_is_the_remotes_answer(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_OPPORTUNISTIC);
	remote_says(f, "554 5.7.1 no service for you");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_GREETING, 554, OK);
	assert_int_equal(f->ended.reply.enhanced.subject, 7);
	assert_sent(f, "QUIT\r\n");
}

static void test_helo_is_tried_where_ehlo_is_unknown(void **state)
{
	static const char *const refusals[] = {"500 what", "502 no", "504 no", "550 no"};
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		begin(f, SMTP_TLS_OPPORTUNISTIC);
		remote_says(f, "220 hi", refusals[i]);
		assert_sent(f, EHLO "HELO worker.example\r\n");
		/* What looks like capabilities is none: HELO has none. */
		remote_says(f, "250-remote.example\r\n250 PIPELINING");
		assert_int_equal(f->ready_count, 1);
		assert_false(smtp_session_capabilities(f->session)->pipelining);
		submit(f, "a@x.example");
		assert_sent(f, "MAIL FROM:<sender@x.example>\r\n");
	}
}

static void test_helo_is_tried_once_and_not_where_no_mail_is_taken(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_NONE);
	remote_says(f, "220 hi", "550 what", "550 5.7.1 no");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_EHLO, 550, OK);
	begin(f, SMTP_TLS_NONE);
	remote_says(f, "220 hi", "521 5.3.2 no mail here");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_EHLO, 521, OK);
	assert_sent(f, EHLO "QUIT\r\n");
}

static void test_starttls_is_used_when_offered_and_its_capabilities_count(void **state)
{
	struct smtp_fixture *f = *state;
	static const enum smtp_tls policies[] = {SMTP_TLS_OPPORTUNISTIC, SMTP_TLS_REQUIRED,
						 SMTP_TLS_VERIFIED};
	for (size_t i = 0; i < 3; i++) {
		begin(f, policies[i]);
		remote_says(f, "220 hi", OFFERS_STARTTLS);
		assert_sent(f, EHLO "STARTTLS\r\n");
		assert_int_equal(f->deadline_ms, f->timeouts.starttls);
		remote_says(f, "220 go ahead");
		assert_true(f->wants_tls);
		assert_int_equal(f->deadline_ms, f->timeouts.starttls);
		assert_int_equal(smtp_session_capabilities(f->session)->size_max_bytes, 0);
		assert_sent(f, "");
		smtp_session_secured(f->session);
		assert_sent(f, EHLO);
		/* It may offer STARTTLS again, which is not for us. */
		remote_says(f, OFFERS_STARTTLS);
		assert_int_equal(f->ready_count, 1);
		assert_sent(f, "");
	}
}

static void test_starttls_is_left_alone_without_a_policy_for_it(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_NONE);
	remote_says(f, "220 hi", OFFERS_STARTTLS);
	assert_sent(f, EHLO);
	assert_int_equal(f->ready_count, 1);
}

static void test_opportunistic_tls_goes_on_in_the_clear(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_OPPORTUNISTIC);
	remote_says(f, "220 hi", OFFERS_NOTHING);
	assert_int_equal(f->ready_count, 1);

	static const char *const refusals[] = {"454 4.7.0 not now", "502 no", "554 no"};
	for (size_t i = 0; i < 3; i++) {
		begin(f, SMTP_TLS_OPPORTUNISTIC);
		remote_says(f, "220 hi", OFFERS_STARTTLS, refusals[i]);
		assert_int_equal(f->ready_count, 1);
		assert_int_equal(smtp_session_capabilities(f->session)->size_max_bytes, 1000);
		assert_true(smtp_session_is_reusable(f->session));
	}
}

static void test_required_tls_does_not_go_on_in_the_clear(void **state)
{
	struct smtp_fixture *f = *state;
	for (enum smtp_tls tls = SMTP_TLS_REQUIRED; tls <= SMTP_TLS_VERIFIED; tls++) {
		begin(f, tls);
		remote_says(f, "220 hi", OFFERS_NOTHING);
		assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, 0, E_REFUSED);
		assert_sent(f, EHLO "QUIT\r\n");
		begin(f, tls);
		remote_says(f, "220 hi", OFFERS_STARTTLS, "454 4.7.0 not now");
		assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, 0, E_REFUSED);
		assert_non_null(strstr(f->ended.reply.text, "not now"));
		begin(f, tls);
		remote_says(f, "220 hi", "500 what", "250 hello");
		assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, 0, E_REFUSED);
		assert_int_equal(f->ready_count, 0);
	}
}

static void test_a_failed_handshake_is_told_at_starttls(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_OPPORTUNISTIC);
	remote_says(f, "220 hi", OFFERS_STARTTLS, "220 go ahead");
	smtp_session_broken(f->session, E_TLS, "TLS handshake: wrong version number");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, 0, E_TLS);
	assert_string_equal(f->ended.reply.text, "TLS handshake: wrong version number");
}

/* CVE-2011-0411 and its kin: what a man in the middle put behind the answer to STARTTLS is not read as said under TLS. */
static void test_what_comes_before_the_handshake_is_thrown_away(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_REQUIRED);
	remote_says(f, "220 hi", OFFERS_STARTTLS);
	static const char injected[] = "220 go ahead\r\n250-evil\r\n250 PIPELINING\r\n250 ok\r\n25";
	assert_int_equal(smtp_session_received(f->session, BYTES(injected)), sizeof injected - 1);
	assert_int_equal(smtp_session_received(f->session, BYTES("250 more\r\n")), 10);
	smtp_session_secured(f->session);
	assert_sent(f, EHLO "STARTTLS\r\n" EHLO);
	assert_int_equal(f->ready_count, 0);
	remote_says(f, OFFERS_NOTHING);
	assert_int_equal(f->ready_count, 1);
	assert_false(smtp_session_capabilities(f->session)->pipelining);
}

static void test_a_connection_that_never_opened_ends_at_connect(void **state)
{
	struct smtp_fixture *f = *state;
	begin_session(f, SMTP_TLS_NONE);
	smtp_session_broken(f->session, E_AWAY, "connect 192.0.2.1:25: Connection refused");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_CONNECT, 0, E_AWAY);
}

static void test_a_full_output_delays_ehlo(void **state)
{
	struct smtp_fixture *f = *state;
	begin(f, SMTP_TLS_NONE);
	f->room = 5;
	remote_says(f, "220 hi");
	assert_sent(f, "");
	drain(f, 1000);
	assert_sent(f, EHLO);
	assert_int_equal(f->deadline_ms, f->timeouts.ehlo);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_greeting_and_ehlo_make_it_ready),
		TEST(test_a_refusing_greeting_is_the_remotes_answer),
		TEST(test_helo_is_tried_where_ehlo_is_unknown),
		TEST(test_helo_is_tried_once_and_not_where_no_mail_is_taken),
		TEST(test_starttls_is_used_when_offered_and_its_capabilities_count),
		TEST(test_starttls_is_left_alone_without_a_policy_for_it),
		TEST(test_opportunistic_tls_goes_on_in_the_clear),
		TEST(test_required_tls_does_not_go_on_in_the_clear),
		TEST(test_a_failed_handshake_is_told_at_starttls),
		TEST(test_what_comes_before_the_handshake_is_thrown_away),
		TEST(test_a_connection_that_never_opened_ends_at_connect),
		TEST(test_a_full_output_delays_ehlo),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
