/* How streams end: by the peer, by failure, finished, freed. Real loopback sockets, and peers that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

static void pause_first(struct end *end)
{
	if (end->received_count == 1)
		stream_pause(end->stream, true);
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

static void finish_then_consume(struct end *end)
{
	struct bytes line = stream_input(end->stream);
	finish(end);
	stream_consume(end->stream, line.len);
	assert_true(bytes_starts_with_nocase(line, "quit"));
}

static void test_finish_in_the_middle_of_a_line_is_no_trap(void **state)
{
	struct fixture *f = *state;
	f->server.keeps_input = true;
	f->server.on_received = finish_then_consume;
	int fd = raw_connect(f);
	char line[8000] = "QUIT";
	assert_int_equal(write(fd, line, sizeof line), sizeof line);
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

static void test_what_was_flushed_survives_a_free(void **state)
{
	struct fixture *f = *state;
	client_connect(f);
	run_until(f, both_are_open);
	stream_say(&f->client, "hello");
	stream_flush(f->client.stream);
	assert_int_equal(stream_unsent(f->client.stream), 0);
	stream_say(&f->client, "lost");
	stream_free(&f->client.stream);
	run_until(f, server_is_closed);
	assert_received(&f->server, "hello");
}

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
		TEST(test_a_half_closed_peer_gets_its_reply_and_then_the_end_comes),
		TEST(test_a_peer_that_leaves_during_a_pause_is_heard_to_the_end),
		TEST(test_a_reset_is_a_failure),
		TEST(test_last_words_of_a_peer_that_broke_off_are_heard),
		TEST(test_a_closed_stream_takes_no_more),
		TEST(test_finish_sends_everything_first),
		TEST(test_finish_of_a_talking_peer_does_not_destroy_the_last_reply),
		TEST(test_finish_in_the_middle_of_a_line_is_no_trap),
		TEST(test_finish_gives_up_on_a_peer_that_does_not_read),
		TEST(test_finish_does_not_wait_for_ever_for_the_other_end),
		TEST(test_finish_before_the_connection_is_open_ends_it),
		TEST(test_what_was_flushed_survives_a_free),
		TEST(test_a_stream_may_be_freed_when_it_connects),
		TEST(test_a_stream_may_be_freed_when_it_receives),
		TEST(test_a_stream_may_be_freed_when_it_is_drained),
		TEST(test_a_stream_may_be_freed_when_it_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
