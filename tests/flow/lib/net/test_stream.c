/* Streams in the clear over real loopback sockets: opening, and transfers in both directions. */
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
