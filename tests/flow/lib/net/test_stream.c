/* Streams in the clear over real loopback sockets: opening, both directions, the ends, and peers that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture_stream.h"

#include <cmocka.h>

static void say_hello(struct end *end)
{
	stream_say(end, "hel");
	stream_say(end, "lo");
}

static bool server_has_hello(struct fixture *f)
{
	return f->server.received.len == strlen("hello");
}

static bool client_has_hello(struct fixture *f)
{
	return f->client.received.len == strlen("hello");
}

static struct net_address address_of(const char *text)
{
	struct net_address address;
	assert_true(net_address_parse(text, 0, &address));
	return address;
}

/* ---- opening ---- */

static void test_bytes_go_both_ways(void **state)
{
	struct fixture *f = *state;
	f->client.on_connected = say_hello;
	f->server.on_received = say_hello;
	client_connect(f);
	run_until(f, client_has_hello);
	assert_received(&f->server, "hello");
	assert_received(&f->client, "hello");
	assert_int_equal(f->server.received_count, 1); /* small writes travel together */
	assert_int_equal(f->client.connected_count, 1);
	assert_int_equal(f->client.drained_count, 1);
	assert_int_equal(f->client.closed_count, 0);
	assert_true(
		net_address_equal(stream_remote(f->client.stream), stream_local(f->server.stream)));
	assert_true(
		net_address_equal(stream_local(f->client.stream), stream_remote(f->server.stream)));
	assert_string_equal(stream_tls_text(f->client.stream), "");
}

static void test_what_is_written_before_the_connection_is_open_is_sent(void **state)
{
	struct fixture *f = *state;
	client_connect(f);
	stream_say(&f->client, "hello");
	run_until(f, server_has_hello);
}

static void test_a_refused_connection_is_closed_with_the_reason(void **state)
{
	struct fixture *f = *state;
	struct net_address gone = *listener_address(f->listener);
	listener_close(&f->listener);
	client_connect_to(f, &gone, NULL, 5000);
	run_until(f, client_is_closed);
	assert_int_equal(f->client.err, E_IO);
	assert_non_null(strstr(f->client.why.text, "refused"));
	assert_int_equal(f->client.connected_count, 0);
}

static void test_a_silent_host_is_given_up_in_time(void **state)
{
	struct fixture *f = *state;
	/* A full backlog: the kernel lets the third handshake hang. */
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	struct net_address address = address_of("127.0.0.1:0");
	assert_int_equal(bind(listening, &address.sa.any, address.len), 0);
	assert_int_equal(listen(listening, 0), 0);
	assert_int_equal(getsockname(listening, &address.sa.any, &address.len), 0);
	int waiting[2];
	for (int i = 0; i < 2; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], &address.sa.any, address.len);
	}
	run_for(f, 20);
	int64_t start_ms = loop_now_ms(f->loop);
	client_connect_to(f, &address, NULL, 100);
	run_until(f, client_is_closed);
	assert_int_equal(f->client.err, E_TIMEOUT);
	assert_in_range(loop_now_ms(f->loop) - start_ms, 90, 5000);
	(void)close(waiting[0]);
	(void)close(waiting[1]);
	(void)close(listening);
}

static void test_a_source_address_is_used(void **state)
{
	struct fixture *f = *state;
	struct net_address source = address_of("127.0.0.2:0");
	client_connect_to(f, listener_address(f->listener), &source, 5000);
	run_until(f, both_are_open);
	char text[NET_ADDRESS_SIZE];
	net_address_ip_text(stream_remote(f->server.stream), text);
	assert_string_equal(text, "127.0.0.2");
}

static void test_a_source_address_we_do_not_have_is_a_failure_told_by_the_loop(void **state)
{
	struct fixture *f = *state;
	struct net_address source = address_of("192.0.2.1:0");
	client_connect_to(f, listener_address(f->listener), &source, 5000);
	run_until(f, client_is_closed);
	assert_int_equal(f->client.err, E_IO);
	assert_non_null(strstr(f->client.why.text, "192.0.2.1"));
}

/* ---- transfers ---- */

static bool server_has_all(struct fixture *f)
{
	return f->server.received.len == BIG_SIZE;
}

static void test_a_big_body_arrives_whole_whatever_the_bounds(void **state)
{
	struct fixture *f = *state;
	f->options = (struct stream_options){20000, 70000};
	f->client.on_connected = write_pattern;
	f->client.on_drained = write_pattern;
	client_connect(f);
	run_until(f, server_has_all);
	assert_pattern(&f->server.received);
}

static void take_a_little(struct end *end)
{
	struct bytes input = bytes_first(stream_input(end->stream), 7000);
	assert_int_equal(buf_append(&end->received, input), OK);
	stream_consume(end->stream, input.len);
	stream_pause(end->stream, end->received_count % 3 == 0);
}

/* Reads on at each look, from outside any upcall. */
static bool server_has_all_by_pauses(struct fixture *f)
{
	if (f->server.stream) {
		struct bytes input = stream_input(f->server.stream);
		assert_true(input.len <= f->options.input_max_bytes);
		assert_int_equal(buf_append(&f->server.received, input), OK);
		stream_consume(f->server.stream, input.len);
		stream_pause(f->server.stream, false);
	}
	return server_has_all(f);
}

static void test_a_reader_that_pauses_loses_nothing(void **state)
{
	struct fixture *f = *state;
	f->options = (struct stream_options){(size_t)256 << 10, (size_t)512 << 10};
	f->server.keeps_input = true;
	f->server.on_received = take_a_little;
	f->client.on_connected = write_pattern;
	f->client.on_drained = write_pattern;
	client_connect(f);
	run_until(f, server_has_all_by_pauses);
	assert_pattern(&f->server.received);
}

static void test_input_never_passes_its_bound(void **state)
{
	struct fixture *f = *state;
	f->options.input_max_bytes = 5000;
	f->server.keeps_input = true;
	f->client.on_connected = write_pattern;
	f->client.on_drained = write_pattern;
	client_connect(f);
	run_for(f, 100);
	assert_int_equal(stream_input(f->server.stream).len, 5000);
	assert_true(stream_unsent(f->client.stream) > 0);
}

static void test_a_full_output_takes_all_of_a_write_or_nothing(void **state)
{
	struct fixture *f = *state;
	f->options.output_max_bytes = 8;
	client_connect(f);
	run_until(f, both_are_open);
	stream_say(&f->client, "hello");
	assert_int_equal(stream_write(f->client.stream, BYTES("full")), E_FULL);
	assert_int_equal(stream_unsent(f->client.stream), 5);
	run_until(f, server_has_hello);
	assert_int_equal(f->client.drained_count, 1);
	stream_say(&f->client, "12345678");
}

static void test_bytes_that_come_one_by_one_are_handed_up(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	for (const char *at = "hello"; *at; at++) {
		assert_int_equal(write(fd, at, 1), 1);
		run_for(f, 2);
	}
	run_until(f, server_has_hello);
	assert_int_equal(f->server.received_count, 5);
	(void)close(fd);
}

static bool server_was_called_again(struct fixture *f)
{
	return f->server.received_count == 2;
}

static void pause_first(struct end *end)
{
	if (end->received_count == 1)
		stream_pause(end->stream, true);
}

static void test_input_left_before_a_pause_is_handed_up_after_it(void **state)
{
	struct fixture *f = *state;
	f->server.keeps_input = true;
	f->server.on_received = pause_first;
	f->client.on_connected = say_hello;
	client_connect(f);
	run_for(f, 50);
	assert_int_equal(f->server.received_count, 1);
	stream_pause(f->server.stream, false);
	assert_int_equal(f->server.received_count, 1);
	run_until(f, server_was_called_again);
	assert_int_equal(stream_input(f->server.stream).len, 5);
}

/* ---- ends ---- */

static void test_a_half_closed_peer_gets_its_reply_and_then_the_end_comes(void **state)
{
	struct fixture *f = *state;
	f->server.on_received = say_hello;
	int fd = raw_connect(f);
	assert_int_equal(write(fd, "quit", 4), 4);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_CLOSED);
	assert_received(&f->server, "quit");
	stream_free(&f->server.stream);
	char reply[16] = "";
	assert_int_equal(recv(fd, reply, sizeof reply, MSG_WAITALL), 5);
	assert_string_equal(reply, "hello");
	(void)close(fd);
}

static void test_a_peer_that_leaves_during_a_pause_is_heard_to_the_end(void **state)
{
	struct fixture *f = *state;
	f->server.keeps_input = true;
	f->server.on_received = pause_first;
	int fd = raw_connect(f);
	assert_int_equal(write(fd, "one", 3), 3);
	run_for(f, 20);
	assert_int_equal(write(fd, "two", 3), 3);
	(void)close(fd);
	run_for(f, 20);
	assert_int_equal(f->server.closed_count, 0);
	stream_pause(f->server.stream, false);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_CLOSED);
	assert_true(bytes_is(stream_input(f->server.stream), "onetwo"));
}

static void reset(int fd)
{
	const struct linger at_once = {1, 0};
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	(void)close(fd);
}

static void test_a_reset_is_a_failure(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	reset(fd);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_IO);
	assert_non_null(strstr(f->server.why.text, "reset"));
}

static void test_last_words_of_a_peer_that_broke_off_are_heard(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	stream_pause(f->server.stream, true);
	assert_int_equal(write(fd, "421", 3), 3);
	reset(fd);
	stream_pause(f->server.stream, false);
	stream_say(&f->server,
		   "MAIL FROM:<>"); /* fails at the end of the turn, before anything is read */
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_IO);
	assert_received(&f->server, "421");
}

static void test_a_closed_stream_takes_no_more(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	(void)close(fd);
	run_until(f, server_is_closed);
	assert_int_equal(stream_write(f->server.stream, BYTES("x")), E_CLOSED);
	stream_pause(f->server.stream, true);
	stream_pause(f->server.stream, false);
	stream_finish(f->server.stream, 100);
	run_for(f, 5);
	assert_int_equal(f->server.closed_count, 1);
}

/* ---- finishing ---- */

static void finish(struct end *end)
{
	stream_finish(end->stream, 5000);
}

static void write_pattern_and_finish(struct end *end)
{
	write_pattern(end);
	if (end->fixture->body_sent == BIG_SIZE)
		finish(end);
}

static void test_finish_sends_everything_first(void **state)
{
	struct fixture *f = *state;
	f->options.output_max_bytes = BIG_SIZE;
	f->client.on_connected = write_pattern_and_finish;
	client_connect(f);
	run_until(f, both_are_closed);
	assert_pattern(&f->server.received);
	assert_int_equal(f->client.err, E_CLOSED);
	assert_int_equal(f->server.err, E_CLOSED);
	assert_int_equal(f->client.drained_count, 0);
}

static void test_finish_of_a_talking_peer_does_not_destroy_the_last_reply(void **state)
{
	struct fixture *f = *state;
	f->server.on_received = finish;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	stream_say(&f->server, "hello");
	char noise[4096] = "";
	for (int i = 0; i < 20; i++) {
		assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
		run_for(f, 1);
	}
	char reply[16] = "";
	assert_int_equal(recv(fd, reply, sizeof reply, MSG_WAITALL), 5);
	assert_string_equal(reply, "hello");
	(void)close(fd);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_CLOSED);
}

static void test_finish_gives_up_on_a_peer_that_does_not_read(void **state)
{
	struct fixture *f = *state;
	f->options.output_max_bytes = BIG_SIZE;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	write_pattern(&f->server);
	stream_finish(f->server.stream, 100);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_TIMEOUT);
	(void)close(fd);
}

static void test_finish_does_not_wait_for_ever_for_the_other_end(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	stream_say(&f->server, "hello");
	stream_finish(f->server.stream, 100);
	assert_int_equal(stream_write(f->server.stream, BYTES("more")), E_CLOSED);
	run_until(f, server_is_closed);
	assert_int_equal(f->server.err, E_CLOSED);
	(void)close(fd);
}

static void test_finish_before_the_connection_is_open_ends_it(void **state)
{
	struct fixture *f = *state;
	client_connect(f);
	finish(&f->client);
	assert_int_equal(f->client.closed_count, 0);
	run_until(f, client_is_closed);
	assert_int_equal(f->client.err, E_CLOSED);
	assert_int_equal(f->client.connected_count, 0);
}

/* ---- freeing ---- */

static void free_stream(struct end *end)
{
	stream_free(&end->stream);
}

static bool client_was_freed(struct fixture *f)
{
	return f->client.connected_count > 0 && !f->client.stream;
}

static bool server_was_freed(struct fixture *f)
{
	return f->accepted_count > 0 && !f->server.stream;
}

static void test_a_stream_may_be_freed_when_it_connects(void **state)
{
	struct fixture *f = *state;
	f->client.on_connected = free_stream;
	client_connect(f);
	stream_say(&f->client, "hello");
	run_until(f, client_was_freed);
	assert_int_equal(f->client.closed_count, 0);
}

static void test_a_stream_may_be_freed_when_it_receives(void **state)
{
	struct fixture *f = *state;
	f->server.on_received = free_stream;
	f->client.on_connected = write_pattern;
	client_connect(f);
	run_until(f, server_was_freed);
	run_until(f, client_is_closed);
	assert_int_equal(f->server.received_count, 1);
	assert_int_equal(f->server.closed_count, 0);
}

static void test_a_stream_may_be_freed_when_it_is_drained(void **state)
{
	struct fixture *f = *state;
	f->client.on_connected = say_hello;
	f->client.on_drained = free_stream;
	client_connect(f);
	run_until(f, client_was_freed);
	run_until(f, server_is_closed);
	assert_received(&f->server, "hello");
}

static void test_a_stream_may_be_freed_when_it_is_closed(void **state)
{
	struct fixture *f = *state;
	f->server.on_closed = free_stream;
	int fd = raw_connect(f);
	run_until(f, server_is_there);
	(void)close(fd);
	run_until(f, server_is_closed);
	assert_null(f->server.stream);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_go_both_ways),
		TEST(test_what_is_written_before_the_connection_is_open_is_sent),
		TEST(test_a_refused_connection_is_closed_with_the_reason),
		TEST(test_a_silent_host_is_given_up_in_time),
		TEST(test_a_source_address_is_used),
		TEST(test_a_source_address_we_do_not_have_is_a_failure_told_by_the_loop),
		TEST(test_a_big_body_arrives_whole_whatever_the_bounds),
		TEST(test_a_reader_that_pauses_loses_nothing),
		TEST(test_input_never_passes_its_bound),
		TEST(test_a_full_output_takes_all_of_a_write_or_nothing),
		TEST(test_bytes_that_come_one_by_one_are_handed_up),
		TEST(test_input_left_before_a_pause_is_handed_up_after_it),
		TEST(test_a_half_closed_peer_gets_its_reply_and_then_the_end_comes),
		TEST(test_a_peer_that_leaves_during_a_pause_is_heard_to_the_end),
		TEST(test_a_reset_is_a_failure),
		TEST(test_last_words_of_a_peer_that_broke_off_are_heard),
		TEST(test_a_closed_stream_takes_no_more),
		TEST(test_finish_sends_everything_first),
		TEST(test_finish_of_a_talking_peer_does_not_destroy_the_last_reply),
		TEST(test_finish_gives_up_on_a_peer_that_does_not_read),
		TEST(test_finish_does_not_wait_for_ever_for_the_other_end),
		TEST(test_finish_before_the_connection_is_open_ends_it),
		TEST(test_a_stream_may_be_freed_when_it_connects),
		TEST(test_a_stream_may_be_freed_when_it_receives),
		TEST(test_a_stream_may_be_freed_when_it_is_drained),
		TEST(test_a_stream_may_be_freed_when_it_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
