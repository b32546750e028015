/* Streams under TLS: both roles, verification, what surrounds STARTTLS, and peers that break off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture_stream.h"

#include <cmocka.h>

static struct tls_context *server_context, *client_context;
static const char *host_name;

static enum err new_server(const char *chain, const char *key, struct tls_context **ret,
			   struct why *why)
{
	const struct tls_certificate certificate = {chain, key};
	const struct tls_server_options options = {.certificates = &certificate,
						   .certificate_count = 1};
	return tls_server_new(&options, ret, why);
}

static int setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	struct fixture *f = *state;
	make_certificate(f);
	struct why why;
	host_name = "mx.test";
	return new_server(f->certificate, f->key, &server_context, &why) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	int result = fixture_teardown(state);
	tls_context_free(&server_context);
	tls_context_free(&client_context);
	return result;
}

static void use_client(bool verify, const char *ca_file)
{
	const struct tls_client_options options = {.verify = verify, .ca_file = ca_file};
	struct why why;
	assert_int_equal(tls_client_new(&options, &client_context, &why), OK);
}

static void secure_client(struct end *end)
{
	stream_start_tls(end->stream, client_context, host_name);
}

static void secure_server(struct end *end)
{
	stream_start_tls(end->stream, server_context, NULL);
}

/* TLS from the first byte on both ends. */
static void connect_secure(struct fixture *f)
{
	f->client.on_connected = secure_client;
	f->server.on_connected = secure_server;
	client_connect(f);
}

static void say_hello(struct end *end)
{
	stream_say(end, "hello");
}

static bool client_has_hello(struct fixture *f)
{
	return f->client.received.len == strlen("hello");
}

/* ---- verification ---- */

static void test_both_ends_talk_and_know_the_cipher(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	f->client.on_secured = say_hello;
	f->server.on_received = say_hello;
	connect_secure(f);
	run_until(f, client_has_hello);
	assert_received(&f->server, "hello");
	assert_int_equal(f->client.secured_count, 1);
	assert_true(stream_is_tls(f->client.stream));
	assert_string_equal(stream_tls_text(f->client.stream), stream_tls_text(f->server.stream));
	assert_memory_equal(stream_tls_text(f->client.stream), "TLSv1.3 TLS_", 12);
	assert_false(stream_tls_peer_is_verified(f->client.stream));
}

static void test_a_trusted_certificate_of_the_right_name_is_verified(void **state)
{
	struct fixture *f = *state;
	host_name = "MX.Test";
	use_client(true, f->certificate);
	connect_secure(f);
	run_until(f, both_are_secured);
	assert_true(stream_tls_peer_is_verified(f->client.stream));
	assert_false(stream_tls_peer_is_verified(f->server.stream));
}

static void test_an_address_is_verified_as_an_address(void **state)
{
	struct fixture *f = *state;
	host_name = "127.0.0.1";
	use_client(true, f->certificate);
	connect_secure(f);
	run_until(f, both_are_secured);
	assert_true(stream_tls_peer_is_verified(f->client.stream));
}

static void assert_refused(struct fixture *f, const char *reason)
{
	connect_secure(f);
	run_until(f, both_are_closed);
	assert_int_equal(f->client.err, E_TLS);
	assert_non_null(strstr(f->client.why.text, reason));
	assert_int_equal(f->client.secured_count, 0);
	assert_false(stream_is_tls(f->client.stream));
}

static void test_a_certificate_of_another_name_is_refused(void **state)
{
	struct fixture *f = *state;
	host_name = "mail.test";
	use_client(true, f->certificate);
	assert_refused(f, "ostname mismatch");
}

static void test_a_certificate_of_nobody_we_trust_is_refused(void **state)
{
	struct fixture *f = *state;
	use_client(true, NULL);
	assert_refused(f, "self-signed certificate");
}

static void test_a_host_name_too_long_for_tls_is_refused(void **state)
{
	struct fixture *f = *state;
	static char name[400];
	memset(name, 'a', sizeof name - 1);
	host_name = name;
	use_client(false, NULL);
	assert_refused(f, "unusable host name");
}

static void test_missing_files_are_named(void **state)
{
	struct fixture *f = *state;
	struct tls_context *none = NULL;
	struct why why;
	assert_int_equal(new_server("/no/such.pem", f->key, &none, &why), E_TLS);
	assert_non_null(strstr(why.text, "/no/such.pem"));
	assert_int_equal(new_server(f->certificate, f->certificate, &none, &why), E_TLS);
	const struct tls_client_options options = {.verify = true, .ca_file = "/no/ca.pem"};
	assert_int_equal(tls_client_new(&options, &none, &why), E_TLS);
	assert_non_null(strstr(why.text, "/no/ca.pem"));
	assert_null(none);
}

/* ---- DANE, and sessions that are resumed ---- */

static struct tlsa_record record;
static struct tls_peer peer;

/* 3 1 1 of the server's key. */
static void make_record(struct fixture *f)
{
	char command[600];
	(void)snprintf(command, sizeof command,
		       "openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform der | "
		       "openssl dgst -sha256 -binary",
		       f->certificate);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	record = (struct tlsa_record){.usage = TLSA_DANE_EE, .selector = 1, .matching = 1};
	record.len = fread(record.data, 1, 32, pipe);
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(record.len, 32);
	peer = (struct tls_peer){.host_name = "other.test",
				 .trust = TLS_TRUST_DANE,
				 .records = &record,
				 .record_count = 1};
}

static void secure_with_peer(struct end *end)
{
	stream_start_tls_with(end->stream, client_context, &peer);
}

static void connect_with_peer(struct fixture *f)
{
	f->client.on_connected = secure_with_peer;
	f->server.on_connected = secure_server;
	client_connect(f);
}

static void test_whom_a_tlsa_record_names_is_verified_whatever_its_name(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	make_record(f);
	connect_with_peer(f);
	run_until(f, both_are_secured);
	assert_true(stream_tls_peer_is_verified(f->client.stream));
	assert_int_equal(stream_tls_fault(f->client.stream), TLS_FAULT_NONE);
}

static void test_whom_no_tlsa_record_names_is_refused(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	make_record(f);
	record.data[5] ^= 1;
	connect_with_peer(f);
	run_until(f, both_are_closed);
	assert_int_equal(f->client.err, E_TLS);
	assert_int_equal(stream_tls_fault(f->client.stream), TLS_FAULT_OTHER);
	assert_int_equal(f->client.secured_count, 0);
}

static void test_a_certificate_that_is_only_observed_may_have_any_fault(void **state)
{
	struct fixture *f = *state;
	use_client(true, f->certificate);
	peer = (struct tls_peer){.host_name = "other.test", .trust = TLS_TRUST_OBSERVED};
	connect_with_peer(f);
	run_until(f, both_are_secured);
	assert_false(stream_tls_peer_is_verified(f->client.stream));
	assert_int_equal(stream_tls_fault(f->client.stream), TLS_FAULT_NAME);
}

/* ---- STARTTLS in the middle of a conversation ---- */

/* The server's answer goes out in the clear, and what it queues after that under TLS. */
static void answer_and_secure(struct end *end)
{
	if (stream_is_tls(end->stream))
		return;
	assert_received(end, "STARTTLS\r\nRCPT TO:<injected@x.test>\r\n");
	stream_say(end, "220 go ahead\r\n");
	stream_start_tls(end->stream, server_context, NULL);
	stream_say(end, "welcome");
}

static void secure_after_answer(struct end *end)
{
	if (stream_is_tls(end->stream))
		return;
	assert_received(end, "220 go ahead\r\n");
	buf_clear(&end->received);
	secure_client(end);
}

static bool client_is_welcome(struct fixture *f)
{
	return f->client.received.len == strlen("welcome");
}

static void test_starttls_answers_in_the_clear_and_throws_away_what_was_injected(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	f->server.on_received = answer_and_secure;
	f->client.on_received = secure_after_answer;
	client_connect(f);
	stream_say(&f->client, "STARTTLS\r\nRCPT TO:<injected@x.test>\r\n");
	run_until(f, client_is_welcome);
	assert_received(&f->client, "welcome");
	assert_int_equal(f->server.received_count, 1);
	assert_int_equal(stream_input(f->server.stream).len, 0);
}

/* In the middle of a line: it is consumed, and still read, after the call. */
static void leave_input(struct end *end)
{
	struct bytes line = bytes_first(stream_input(end->stream), 10);
	stream_say(end, "220 go ahead\r\n");
	stream_start_tls(end->stream, server_context, NULL);
	stream_consume(end->stream, line.len);
	assert_true(bytes_is(line, "STARTTLS\r\n"));
}

static void test_input_not_consumed_before_starttls_is_gone(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	f->server.keeps_input = true;
	f->server.on_received = leave_input;
	f->client.on_received = secure_after_answer;
	client_connect(f);
	stream_say(&f->client, "STARTTLS\r\nNOOP\r\n");
	run_until(f, both_are_secured);
	assert_int_equal(stream_input(f->server.stream).len, 0);
}

/* ---- transfers ---- */

/* Takes a little of what is there at each look, so that the rest of a record waits inside OpenSSL. */
static bool server_has_all(struct fixture *f)
{
	if (f->server.stream && f->server.secured_count > 0) {
		for (int i = 0; i < 20; i++) {
			struct bytes input = bytes_first(stream_input(f->server.stream), 3000);
			assert_int_equal(buf_append(&f->server.received, input), OK);
			stream_consume(f->server.stream, input.len);
		}
	}
	return f->server.received.len == BIG_SIZE;
}

static void test_a_big_body_arrives_whole_through_a_small_input(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	f->options = (struct stream_options){20000, 70000};
	f->server.keeps_input = true;
	f->client.on_secured = write_pattern;
	f->client.on_drained = write_pattern;
	connect_secure(f);
	run_until(f, server_has_all);
	assert_pattern(&f->server.received);
}

static void finish(struct end *end)
{
	write_pattern(end);
	stream_finish(end->stream, 5000);
}

static void test_finish_sends_everything_first(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	f->options.output_max_bytes = BIG_SIZE;
	f->client.on_secured = finish;
	connect_secure(f);
	run_until(f, both_are_closed);
	assert_int_equal(f->server.received.len, BIG_SIZE);
	assert_int_equal(f->client.err, E_CLOSED);
	assert_int_equal(f->server.err, E_CLOSED);
	assert_string_equal(f->server.why.text, "closed by the peer");
}

/* ---- breaking off ---- */

static void test_garbage_for_a_handshake_is_a_tls_failure(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	stream_start_tls(f->server.stream, server_context, NULL);
	assert_int_equal(write(fd, "EHLO client.test\r\n", 18), 18);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_TLS);
	(void)close(fd);
}

static void test_a_peer_that_leaves_in_the_handshake_is_a_tls_failure(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	stream_start_tls(f->server.stream, server_context, NULL);
	(void)close(fd);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_TLS);
}

static void test_an_end_without_notice_is_a_plain_end(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	f->client.on_secured = say_hello;
	f->server.on_received = say_hello;
	connect_secure(f);
	run_until(f, client_has_hello);
	assert_int_equal(shutdown(f->server_fd, SHUT_WR), 0);
	run_until(f, client_is_closed);
	assert_int_equal(f->client.err, E_CLOSED);
	assert_non_null(strstr(f->client.why.text, "without notice"));
}

static void free_stream(struct end *end)
{
	stream_free(&end->stream);
}

static bool client_was_freed(struct fixture *f)
{
	return f->client.secured_count > 0 && !f->client.stream;
}

static void test_a_stream_may_be_freed_when_it_is_secured(void **state)
{
	struct fixture *f = *state;
	use_client(false, NULL);
	f->client.on_secured = free_stream;
	connect_secure(f);
	run_until(f, client_was_freed);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_CLOSED);
}

static void test_last_words_of_a_peer_that_broke_off_are_heard(void **state)
{
	const struct linger at_once = {1, 0};
	struct fixture *f = *state;
	use_client(false, NULL);
	connect_secure(f);
	run_until(f, both_are_secured);
	run_for(f, 20);
	stream_pause(f->client.stream, true);
	stream_say(&f->server, "421");
	run_for(f, 20);
	assert_int_equal(setsockopt(f->server_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
			 0);
	stream_free(&f->server.stream); /* a reset */
	run_for(f, 20);
	stream_pause(f->client.stream, false);
	stream_say(&f->client,
		   "MAIL FROM:<>"); /* fails at the end of the turn, before anything is read */
	run_until(f, client_is_closed);
	assert_int_equal(f->client.err, E_IO);
	assert_received(&f->client, "421");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_last_words_of_a_peer_that_broke_off_are_heard),
		TEST(test_both_ends_talk_and_know_the_cipher),
		TEST(test_a_trusted_certificate_of_the_right_name_is_verified),
		TEST(test_an_address_is_verified_as_an_address),
		TEST(test_a_certificate_of_another_name_is_refused),
		TEST(test_a_certificate_of_nobody_we_trust_is_refused),
		TEST(test_a_host_name_too_long_for_tls_is_refused),
		TEST(test_missing_files_are_named),
		TEST(test_whom_a_tlsa_record_names_is_verified_whatever_its_name),
		TEST(test_whom_no_tlsa_record_names_is_refused),
		TEST(test_a_certificate_that_is_only_observed_may_have_any_fault),
		TEST(test_starttls_answers_in_the_clear_and_throws_away_what_was_injected),
		TEST(test_input_not_consumed_before_starttls_is_gone),
		TEST(test_a_big_body_arrives_whole_through_a_small_input),
		TEST(test_finish_sends_everything_first),
		TEST(test_garbage_for_a_handshake_is_a_tls_failure),
		TEST(test_a_peer_that_leaves_in_the_handshake_is_a_tls_failure),
		TEST(test_an_end_without_notice_is_a_plain_end),
		TEST(test_a_stream_may_be_freed_when_it_is_secured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
