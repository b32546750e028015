/* Connections of the client: reuse and its limits, deadlines, and all the ways in which they end. */
#include "fixture_client.h"

#include <stdlib.h>
#include <string.h>

#define ENVELOPE "MAIL FROM:<sender@x.test> SIZE=23\r\nRCPT TO:<a@x.test>\r\nDATA\r\n<body>\r\n"
#define EHLO	 "EHLO worker.test\r\n"

static void assert_said(const struct peer *peer, const char *text)
{
	char got[4000];
	assert_true(bytes_to_cstr(buf_bytes(&peer->said), got, sizeof got));
	assert_string_equal(got, text);
}

static void test_mail_is_delivered_and_quit_is_said(void **state)
{
	struct fixture *f = *state;
	open_until_ready(f);
	assert_int_equal(smtp_client_open_count(f->client), 1);
	assert_string_equal(smtp_connection_tls(f->holder.connection), "");
	f->holder.quits = true;
	send_until_done(f);
	assert_result(f, 250);
	assert_null(f->holder.connection);
	run_until(f, are_peers_gone);
	assert_said(&f->peers[0], EHLO ENVELOPE "QUIT\r\n");
	assert_int_equal(smtp_client_open_count(f->client), 0);
	assert_int_equal(f->holder.ended_count, 0);
}

static void test_an_idle_connection_is_used_again_as_it_is(void **state)
{
	struct fixture *f = *state;
	f->holder.gives_back = true;
	open_until_ready(f);
	send_until_done(f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(smtp_client_open_count(f->client), 1);
		assert_true(reuse_connection(f));
		struct smtp_connection *held = f->holder.connection;
		assert_false(reuse_connection(f)); /* there is only this one */
		f->holder.connection = held;
		run_until(f, is_ready);
		send_until_done(f);
		assert_result(f, 250);
	}
	assert_int_equal(f->peer_count, 1);
	assert_said(&f->peers[0], EHLO ENVELOPE ENVELOPE ENVELOPE ENVELOPE);
}

static void test_an_idle_connection_quits_after_its_time(void **state)
{
	struct fixture *f = *state;
	f->site.connection_idle = 30;
	f->holder.gives_back = true;
	open_until_ready(f);
	send_until_done(f);
	run_until(f, are_peers_gone);
	assert_true(is_all_closed(f));
	assert_said(&f->peers[0], EHLO ENVELOPE "QUIT\r\n");
	assert_false(reuse_connection(f));
}

static void test_an_idle_connection_that_the_remote_closes_is_gone_without_a_word(void **state)
{
	struct fixture *f = *state;
	f->holder.gives_back = true;
	open_until_ready(f);
	send_until_done(f);
	stream_free(&f->peers[0].stream);
	run_until(f, is_all_closed);
	assert_int_equal(f->holder.ended_count, 0);
	assert_false(reuse_connection(f));
}

static void test_an_idle_connection_that_dies_at_mail_has_sent_nothing(void **state)
{
	struct fixture *f = *state;
	f->holder.gives_back = true;
	open_until_ready(f);
	send_until_done(f);
	f->cuts_at = "MAIL";
	assert_true(reuse_connection(f));
	f->holder.gives_back = false;
	run_until(f, is_ready);
	send_mail(f);
	run_until(f, has_ended);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_MAIL, E_CLOSED);
	assert_true(is_all_closed(f));
}

static void test_connections_have_a_last_message(void **state)
{
	struct fixture *f = *state;
	f->site.messages_per_connection = 2;
	open_until_ready(f);
	send_until_done(f);
	assert_true(smtp_connection_may_go_on(f->holder.connection));
	send_until_done(f);
	assert_false(smtp_connection_may_go_on(f->holder.connection));
	smtp_connection_give_back(&f->holder.connection);
	assert_null(f->holder.connection);
	assert_false(reuse_connection(f));
	run_until(f, are_peers_gone);
	assert_said(&f->peers[0], EHLO ENVELOPE ENVELOPE "QUIT\r\n");
}

static void test_connections_have_a_longest_life(void **state)
{
	struct fixture *f = *state;
	f->site.connection_life = 50;
	f->holder.gives_back = true;
	open_until_ready(f);
	send_until_done(f);
	run_for(f, 60);
	assert_int_equal(smtp_client_open_count(f->client), 1);
	assert_false(reuse_connection(f));
	assert_true(is_all_closed(f));
	run_until(f, are_peers_gone);
}

static void test_only_the_same_target_is_reused(void **state)
{
	struct fixture *f = *state;
	struct site_settings other = f->site;
	other.tls = SMTP_TLS_NONE;
	f->holder.gives_back = true;
	open_until_ready(f);
	send_until_done(f);
	struct smtp_target same = f->target;
	f->target.host_name = "mx2.test";
	assert_false(reuse_connection(f));
	f->target = same;
	f->target.helo = "other.test";
	assert_false(reuse_connection(f));
	f->target = same;
	f->target.site = &other;
	assert_false(reuse_connection(f));
	other = f->site;
	other.chunking = SMTP_CHUNKS_ALWAYS; /* as the session does it, and not the mail */
	assert_false(reuse_connection(f));
	f->target = same;
	assert_true(net_address_parse("127.0.0.1", 0, &f->target.source));
	assert_false(reuse_connection(f));
	f->target = same;
	f->target.address.sa.v4.sin_port ^= 1;
	assert_false(reuse_connection(f));
	f->target = same;
	assert_true(reuse_connection(f));
}

static void test_a_connection_says_which_target_it_would_be_reused_for(void **state)
{
	struct fixture *f = *state;
	f->site.messages_per_connection = 1;
	open_until_ready(f);
	f->target.tls = demand_of(f);
	assert_true(smtp_connection_is_for(f->holder.connection, &f->target));
	struct smtp_target other = f->target;
	other.host_name = "mx2.test";
	assert_false(smtp_connection_is_for(f->holder.connection, &other));
	send_until_done(f); /* as many as it may */
	assert_false(smtp_connection_is_for(f->holder.connection, &f->target));
	tls_demand_unref(&f->target.tls);
}

static void test_a_source_address_is_used(void **state)
{
	struct fixture *f = *state;
	assert_true(net_address_parse("127.0.0.7", 0, &f->target.source));
	open_until_ready(f);
	char text[NET_ADDRESS_SIZE];
	net_address_ip_text(stream_remote(f->peers[0].stream), text);
	assert_string_equal(text, "127.0.0.7");
}

static void test_a_refused_connection_is_told_at_connect(void **state)
{
	struct fixture *f = *state;
	listener_close(&f->listener);
	open_connection(f);
	run_until(f, has_ended);
	assert_int_equal(f->holder.ended.kind, SMTP_NOT_SENT);
	assert_int_equal(f->holder.ended.step, SMTP_STEP_CONNECT);
	assert_true(f->holder.ended.reply.text_len > 0);
	assert_true(is_all_closed(f));
}

static void test_silence_is_bounded(void **state)
{
	static const struct {
		const char *silent_at;
		enum smtp_step step;
		enum smtp_outcome_kind kind;
	} cases[] = {{"connect", SMTP_STEP_GREETING, SMTP_NOT_SENT},
		     {"EHLO", SMTP_STEP_EHLO, SMTP_NOT_SENT},
		     {"DATA", SMTP_STEP_DATA, SMTP_NOT_SENT}};
	struct fixture *f = *state;
	f->timeouts.greeting = f->timeouts.ehlo = f->timeouts.data = 30;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f->silent_at = cases[i].silent_at;
		open_connection(f);
		if (cases[i].step == SMTP_STEP_DATA) {
			run_until(f, is_ready);
			send_mail(f);
		}
		run_until(f, has_ended);
		assert_ended(f, cases[i].kind, cases[i].step, E_TIMEOUT);
	}
	run_until(f, is_all_closed);
}

static void test_a_remote_that_takes_nothing_more_of_a_body_is_left(void **state)
{
	struct fixture *f = *state;
	size_t size = (size_t)16 << 20;
	char *content = calloc(1, size);
	assert_non_null(content);
	memset(content, 'x', size);
	f->mail.content = bytes_from(content, size);
	f->timeouts.block = 100;
	f->silent_at = "DATA";
	open_until_ready(f);
	send_mail(f);
	run_for(f, 30);
	assert_int_equal(f->holder.done_count, 0);
	/* It says 354 and reads no further. */
	assert_int_equal(stream_write(f->peers[0].stream, BYTES("354 go\r\n")), OK);
	run_until(f, has_ended);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_BODY, E_TIMEOUT);
	assert_int_equal(f->holder.outcome.kind, SMTP_NOT_SENT);
	assert_int_equal(f->holder.transaction_done_count, 1);
	free(content);
}

static void test_content_is_not_looked_at_after_quit(void **state)
{
	struct fixture *f = *state;
	size_t size = (size_t)16 << 20;
	char *content = calloc(1, size);
	assert_non_null(content);
	f->mail.content = bytes_from(content, size); /* one line, which fills the peer */
	f->timeouts.quit = 30;
	open_until_ready(f);
	send_mail(f);
	run_for(f, 20);
	assert_true(stream_input(f->peers[0].stream).len > 0);
	smtp_connection_quit(&f->holder.connection);
	free(content);
	run_for(f, 60);
	assert_int_equal(f->holder.done_count, 0);
	assert_int_equal(f->holder.ended_count, 0);
	assert_true(is_all_closed(f));
}

static void test_a_big_message_arrives_whole(void **state)
{
	struct fixture *f = *state;
	size_t size = (size_t)8 << 20;
	char *content = malloc(size);
	assert_non_null(content);
	for (size_t i = 0; i < size; i++)
		content[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : i % 64 == 0 ? '.' : 'x';
	f->mail.content = bytes_from(content, size);
	f->mail.recipient_count = 2;
	open_until_ready(f);
	send_until_done(f);
	assert_result(f, 250);
	assert_int_equal(f->peers[0].body_bytes, size + size / 64);
	free(content);
}

static void test_a_client_may_go_while_connections_are_in_every_state(void **state)
{
	struct fixture *f = *state;
	f->holder.gives_back = true;
	open_until_ready(f);
	send_until_done(f); /* one idle */
	f->silent_at = "RCPT";
	open_until_ready(f);
	send_mail(f);
	run_for(f, 20);	    /* one in a transaction */
	open_connection(f); /* one opening */
	open_until_ready(f);
	smtp_connection_quit(&f->holder.connection); /* one closing */
	smtp_client_free(&f->client);
	assert_int_equal(f->holder.ended_count, 0);
	f->silent_at = NULL;
	for (unsigned i = 0; i < f->peer_count; i++)
		if (f->peers[i].stream)
			stream_pause(f->peers[i].stream, false);
	run_until(f, are_peers_gone);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_mail_is_delivered_and_quit_is_said),
		TEST(test_an_idle_connection_is_used_again_as_it_is),
		TEST(test_an_idle_connection_quits_after_its_time),
		TEST(test_an_idle_connection_that_the_remote_closes_is_gone_without_a_word),
		TEST(test_an_idle_connection_that_dies_at_mail_has_sent_nothing),
		TEST(test_connections_have_a_last_message),
		TEST(test_connections_have_a_longest_life),
		TEST(test_only_the_same_target_is_reused),
		TEST(test_a_connection_says_which_target_it_would_be_reused_for),
		TEST(test_a_source_address_is_used),
		TEST(test_a_refused_connection_is_told_at_connect),
		TEST(test_silence_is_bounded),
		TEST(test_a_remote_that_takes_nothing_more_of_a_body_is_left),
		TEST(test_content_is_not_looked_at_after_quit),
		TEST(test_a_big_message_arrives_whole),
		TEST(test_a_client_may_go_while_connections_are_in_every_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
