/* What is told to who watches a session: all that goes over the wire but bodies and passwords. */
#include "fixture_smtp.h"

#include <string.h>

#define PLAIN "AGFkYQBzZWNyZXQ=" /* NUL ada NUL secret */

static void assert_said(struct smtp_fixture *f, const char *text)
{
	char said[2000];
	assert_true(bytes_to_cstr(buf_bytes(&f->said), said, sizeof said));
	assert_string_equal(said, text);
	buf_clear(&f->said);
}

static void begin_login(struct smtp_fixture *f, const char *capabilities)
{
	f->options = (struct smtp_session_options){
		.user = "ada", .password = "secret", .may_auth_in_clear = true};
	begin_session(f, SMTP_TLS_NONE);
	smtp_session_watch(f->session, true);
	smtp_session_connected(f->session);
	remote_says(f, "220 the secret is out");
	assert_said(f, "< 220 the secret is out\n> EHLO worker.example\n"); /* nothing was sent */
	remote_says(f, capabilities);
	buf_clear(&f->said);
}

static void test_a_transaction_is_told_line_by_line(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	smtp_session_watch(f->session, true);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "250-one\r\n250 two", "354 go", "250 queued");
	assert_result(f, "a@x.example", 250);
	assert_said(f, "> MAIL FROM:<sender@x.example>\n< 250 ok\n> RCPT TO:<a@x.example>\n"
		       "< 250-one\n< 250 two\n> DATA\n< 354 go\n"
		       ">> 22 bytes of the message, and the final dot\n< 250 queued\n");
}

static void test_nothing_is_told_to_who_does_not_watch(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example");
	remote_says(f, "250 ok");
	assert_said(f, "");
	smtp_session_watch(f->session, true);
	remote_says(f, "250 ok");
	assert_said(f, "< 250 ok\n> DATA\n");
	smtp_session_watch(f->session, false);
	remote_says(f, "354 go");
	assert_said(f, "");
}

static void test_lines_that_come_in_pieces_are_told_once(void **state)
{
	struct smtp_fixture *f = *state;
	f->chunk = 3;
	be_ready(f, NULL);
	smtp_session_watch(f->session, true);
	submit(f, "a@x.example");
	remote_says(f, "550-not\r\n550 here");
	assert_said(f, "> MAIL FROM:<sender@x.example>\n< 550-not\n< 550 here\n");
}

static void test_what_is_not_smtp_is_told_as_it_came(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	smtp_session_watch(f->session, true);
	submit(f, "a@x.example");
	buf_clear(&f->said);
	remote_sends(f, BYTES("\x1b[2J nonsense\r\n"));
	assert_int_equal(f->ended_count, 1);
	assert_true(memmem(f->said.data, f->said.len, "< \x1b[2J nonsense\n", 16));
}

static void test_passwords_are_hidden(void **state)
{
	static const struct {
		const char *capabilities, *replies[3], *said;
	} cases[] = {
		{"250-hi\r\n250 AUTH PLAIN", {"235 fine"}, "> AUTH PLAIN ***\n< 235 fine\n"},
		{"250-hi\r\n250 AUTH PLAIN",
		 {"334 ", "235 fine"},
		 "> AUTH PLAIN ***\n< 334\n> ***\n< 235 fine\n"},
		{"250-hi\r\n250 AUTH LOGIN",
		 {"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 fine"},
		 "> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> ***\n< 334 UGFzc3dvcmQ6\n> ***\n< 235 "
		 "fine\n"},
		{"250-hi\r\n250 AUTH PLAIN",
		 {"235-hello secret\r\n235-" PLAIN "\r\n235 c2VjcmV0 fine"},
		 "> AUTH PLAIN ***\n< 235-***\n< 235-***\n< 235 ***\n"},
	};
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *from = "> AUTH";
		buf_clear(&f->said);
		f->options = (struct smtp_session_options){
			.user = "ada", .password = "secret", .may_auth_in_clear = true};
		begin_session(f, SMTP_TLS_NONE);
		smtp_session_watch(f->session, true);
		smtp_session_connected(f->session);
		remote_says(f, "220 hi", cases[i].capabilities);
		for (size_t k = 0; k < 3 && cases[i].replies[k]; k++)
			remote_says(f, cases[i].replies[k]);
		uint8_t *at = memmem(f->said.data + f->said.start, f->said.len, from, strlen(from));
		assert_non_null(at);
		buf_consume(&f->said, (size_t)(at - f->said.data) - f->said.start);
		assert_said(f, cases[i].said);
	}
}

static void test_a_refusal_that_repeats_the_password_does_not_get_into_the_outcome(void **state)
{
	struct smtp_fixture *f = *state;
	begin_login(f, "250-hi\r\n250 AUTH PLAIN");
	remote_says(f, "535 5.7.8 wrong: secret");
	assert_int_equal(f->ended_count, 1);
	assert_int_equal(f->ended.reply.code, 535);
	assert_string_equal(f->ended.reply.text, "***");
	assert_int_equal(f->ended.reply.enhanced.detail, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_transaction_is_told_line_by_line),
		TEST(test_nothing_is_told_to_who_does_not_watch),
		TEST(test_lines_that_come_in_pieces_are_told_once),
		TEST(test_what_is_not_smtp_is_told_as_it_came),
		TEST(test_passwords_are_hidden),
		TEST(test_a_refusal_that_repeats_the_password_does_not_get_into_the_outcome),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
