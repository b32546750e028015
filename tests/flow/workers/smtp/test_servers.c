/* Conversations with servers that are not ours: Postfix's smtp-sink, and aiosmtpd for STARTTLS. */
#include "fixture_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINK "/usr/sbin/smtp-sink"
#define PEER LEVERET_SOURCE_DIR "/tests/flow/workers/smtp/starttls_peer.py"

/* It insists on leaving root behind. */
static void start_sink(struct fixture *f, const char *options)
{
	if (geteuid() == 0)
		start_server(f, (const char *const[]){SINK, "-u", "nobody", options, "127.0.0.1:%p",
						      "100", NULL});
	else
		start_server(f, (const char *const[]){SINK, options, "127.0.0.1:%p", "100", NULL});
}

static void test_smtp_sink_takes_many_messages_on_one_connection(void **state)
{
	struct fixture *f = *state;
	static const char *const manners[] = {"-8", "-p", "-e", "-E"};
	for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++) {
		start_sink(f, manners[i]);
		f->mail.recipient_count = 2;
		open_until_ready(f);
		for (int round = 0; round < 50; round++) {
			send_until_done(f);
			assert_result(f, 250);
			assert_int_equal(f->holder.outcome.step, SMTP_STEP_BODY);
		}
		smtp_connection_quit(&f->holder.connection);
		run_until(f, is_all_closed);
	}
}

static void test_smtp_sink_refuses_at_each_step(void **state)
{
	static const struct {
		const char *option;
		enum smtp_step step;
		unsigned code;
	} cases[] = {
		{"-fmail", SMTP_STEP_MAIL, 500}, {"-frcpt", SMTP_STEP_RCPT, 500},
		{"-fdata", SMTP_STEP_DATA, 500}, {"-f.", SMTP_STEP_BODY, 500},
		{"-rmail", SMTP_STEP_MAIL, 450}, {"-rrcpt", SMTP_STEP_RCPT, 450},
		{"-rdata", SMTP_STEP_DATA, 450}, {"-r.", SMTP_STEP_BODY, 450},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		start_sink(f, cases[i].option);
		open_until_ready(f);
		send_until_done(f);
		assert_result(f, cases[i].code);
		assert_int_equal(f->holder.outcome.step, cases[i].step);
		smtp_connection_quit(&f->holder.connection);
		run_until(f, is_all_closed);
	}
}

static void test_smtp_sink_hangs_up_at_each_step(void **state)
{
	static const struct {
		const char *option;
		enum smtp_outcome_kind kind;
		enum smtp_step step;
	} cases[] = {{"-qmail", SMTP_NOT_SENT, SMTP_STEP_MAIL},
		     {"-qrcpt", SMTP_NOT_SENT, SMTP_STEP_RCPT},
		     {"-qdata", SMTP_NOT_SENT, SMTP_STEP_DATA},
		     {"-q.", SMTP_IN_DOUBT, SMTP_STEP_BODY}};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		start_sink(f, cases[i].option);
		open_until_ready(f);
		send_mail(f);
		run_until(f, has_ended);
		assert_int_equal(f->holder.outcome.kind, cases[i].kind);
		assert_ended(f, cases[i].kind, cases[i].step, E_CLOSED);
	}
}

static void start_peer(struct fixture *f, const char *option)
{
	make_certificate(f);
	start_server(f, (const char *const[]){"/usr/bin/python3", PEER, "%p", f->certificate,
					      f->key, option, NULL});
}

static void assert_answer(const struct fixture *f, const char *how)
{
	assert_result(f, 250);
	char answer[100];
	size_t len = f->mail.content.len;
	(void)snprintf(answer, sizeof answer, "%s %zu %zu bytes", how, f->mail.recipient_count,
		       len);
	assert_string_equal(f->holder.outcome.reply.text, answer);
}

static void test_starttls_is_used_by_every_policy_but_none(void **state)
{
	struct fixture *f = *state;
	start_peer(f, NULL);
	start_client(f, f->certificate);
	for (f->site.tls = SMTP_TLS_NONE; f->site.tls <= SMTP_TLS_VERIFIED; f->site.tls++) {
		bool has_tls = f->site.tls != SMTP_TLS_NONE;
		open_until_ready(f);
		send_until_done(f);
		assert_answer(f, has_tls ? "tls" : "clear");
		assert_int_equal(strlen(f->holder.tls) > 0, has_tls);
		f->mail.recipient_count = 2;
		send_until_done(f);
		assert_answer(f, has_tls ? "tls" : "clear");
		f->mail.recipient_count = 1;
		smtp_connection_give_back(&f->holder.connection);
		assert_true(reuse_connection(f));
		run_until(f, is_ready);
		send_until_done(f);
		assert_answer(f, has_tls ? "tls" : "clear");
		smtp_connection_quit(&f->holder.connection);
	}
}

static void test_a_certificate_that_cannot_be_verified_ends_at_starttls(void **state)
{
	struct fixture *f = *state;
	start_peer(f, NULL);
	f->site.tls = SMTP_TLS_VERIFIED;
	open_connection(f);
	run_until(f, has_ended);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, E_TLS);
	start_client(f, f->certificate);
	f->target.host_name = "another.test";
	open_connection(f);
	run_until(f, has_ended);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, E_TLS);
	assert_non_null(strstr(f->holder.ended.reply.text, "ostname mismatch"));
}

static void test_a_server_without_starttls_ends_required_tls(void **state)
{
	struct fixture *f = *state;
	start_sink(f, "-8");
	f->site.tls = SMTP_TLS_REQUIRED;
	open_connection(f);
	run_until(f, has_ended);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_STARTTLS, E_REFUSED);
}

static void test_a_server_that_insists_on_tls_answers_in_the_clear(void **state)
{
	struct fixture *f = *state;
	start_peer(f, "--refuses-clear");
	f->site.tls = SMTP_TLS_NONE;
	open_until_ready(f);
	send_until_done(f);
	assert_result(f, 530);
	assert_int_equal(f->holder.outcome.step, SMTP_STEP_MAIL);
}

static void test_a_big_message_goes_through_tls(void **state)
{
	struct fixture *f = *state;
	start_peer(f, NULL);
	size_t size = (size_t)8 << 20;
	char *content = malloc(size);
	assert_non_null(content);
	for (size_t i = 0; i < size; i++)
		content[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : i % 64 == 0 ? '.' : 'x';
	f->mail.content = bytes_from(content, size);
	open_until_ready(f);
	send_until_done(f);
	assert_answer(f, "tls");
	free(content);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_smtp_sink_takes_many_messages_on_one_connection),
		TEST(test_smtp_sink_refuses_at_each_step),
		TEST(test_smtp_sink_hangs_up_at_each_step),
		TEST(test_starttls_is_used_by_every_policy_but_none),
		TEST(test_a_certificate_that_cannot_be_verified_ends_at_starttls),
		TEST(test_a_server_without_starttls_ends_required_tls),
		TEST(test_a_server_that_insists_on_tls_answers_in_the_clear),
		TEST(test_a_big_message_goes_through_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
