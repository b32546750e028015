/* Packets over a socket: whole and in order, however the bytes come; a peer that does not read, or talks nonsense, ends only
 * itself; upcalls may free the socket. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/embedded/line/packet_socket.h"
#include "fixture_turns.h"
#include "lib/base/memory.h"

/* One end of a socket pair is a packet socket, the other one is the test's, which reads and writes it as it likes. */
struct end {
	struct loop *loop;
	int fds[2];
	struct packet_socket *socket;
	uint64_t tags[8]; /* of what arrived: the first ones */
	size_t arrived, arrived_bytes;
	bool is_ended, frees_in_arrived;
	enum err err;
};

static enum err on_arrived(void *owner, struct packet *packet)
{
	struct end *end = owner;
	if (end->arrived < 8)
		end->tags[end->arrived] = packet->tag;
	end->arrived++;
	end->arrived_bytes += shared_bytes(packet->record).len;
	packet_free(&packet);
	if (end->frees_in_arrived)
		packet_socket_free(&end->socket);
	return OK;
}

static void on_ended(void *owner, enum err err, const struct why *why)
{
	struct end *end = owner;
	assert_false(end->is_ended);
	assert_true(strlen(why->text) > 0);
	end->is_ended = true;
	end->err = err;
	packet_socket_free(&end->socket);
}

static const struct packet_socket_handler handler = {on_arrived, on_ended};
static const struct packet_socket_limits wide = {SIZE_MAX, 0, SIZE_MAX};

static void set_up(struct end *end, const struct packet_socket_limits *limits)
{
	*end = (struct end){.loop = loop_new()};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, end->fds), 0);
	end->socket = packet_socket_new(end->loop, end->fds[0], limits, &handler, end);
}

static void tear_down(struct end *end)
{
	packet_socket_free(&end->socket);
	if (end->fds[1] >= 0)
		(void)close(end->fds[1]);
	loop_free(&end->loop);
}

static bool is_ended(void *owner)
{
	return ((const struct end *)owner)->is_ended;
}

static bool has_three(void *owner)
{
	return ((const struct end *)owner)->arrived >= 3;
}

static struct packet *new_packet(uint64_t tag, size_t record_len)
{
	struct packet *packet = packet_new(PACKET_PUBLISH, tag);
	uint8_t *data;
	packet->record = shared_new(record_len, &data);
	memset(data, (int)tag, record_len);
	return packet;
}

static void put(struct buf *out, uint64_t tag, size_t record_len)
{
	struct packet *packet = new_packet(tag, record_len);
	assert_int_equal(packet_write(packet, out), OK);
	packet_free(&packet);
}

static void say(struct end *end, struct bytes b)
{
	assert_int_equal(send(end->fds[1], b.data, b.len, MSG_NOSIGNAL), b.len);
}

static void assert_three_came(struct end *end)
{
	assert_true(run_until(end->loop, has_three, end, 5000));
	assert_int_equal(end->arrived, 3);
	assert_int_equal(end->tags[0], 1);
	assert_int_equal(end->tags[1], 2);
	assert_int_equal(end->tags[2], 3);
}

static void test_packets_come_byte_by_byte(void **state)
{
	(void)state;
	struct end end;
	struct buf out;
	set_up(&end, &wide);
	buf_init(&out, PACKET_SIZE_MAX);
	for (uint64_t tag = 1; tag <= 3; tag++)
		put(&out, tag, 5);
	for (size_t i = 0; i < out.len; i++) {
		say(&end, bytes_from(buf_bytes(&out).data + i, 1));
		run_for(end.loop, 0);
	}
	assert_three_came(&end);
	assert_int_equal(end.arrived_bytes, 15);
	buf_done(&out);
	tear_down(&end);
}

static void test_the_last_words_of_a_peer_are_heard(void **state)
{
	(void)state;
	struct end end;
	struct buf out;
	set_up(&end, &wide);
	buf_init(&out, PACKET_SIZE_MAX);
	for (uint64_t tag = 1; tag <= 3; tag++)
		put(&out, tag, 5);
	say(&end, buf_bytes(&out));
	assert_int_equal(close(end.fds[1]), 0);
	end.fds[1] = -1;
	packet_socket_send(end.socket, new_packet(9, 5)); /* the first to fail is a write */
	assert_true(run_until(end.loop, is_ended, &end, 5000));
	assert_three_came(&end);
	assert_int_equal(end.err, E_CLOSED);
	buf_done(&out);
	tear_down(&end);
}

static void test_a_peer_that_shuts_its_ears_is_ended(void **state)
{
	(void)state;
	struct end end;
	set_up(&end, &wide);
	assert_int_equal(shutdown(end.fds[1], SHUT_RD), 0);
	packet_socket_send(end.socket, new_packet(1, 5));
	assert_true(run_until(end.loop, is_ended, &end, 5000));
	assert_int_equal(end.err, E_IO);
	tear_down(&end);
}

static void test_nonsense_ends_the_socket(void **state)
{
	(void)state;
	static const char *const cases[] = {"GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff",
					    "\x01\x02\x03\x04"};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct end end;
		set_up(&end, &wide);
		say(&end, bytes_of(cases[i]));
		assert_true(run_until(end.loop, is_ended, &end, 5000));
		assert_int_equal(end.err, E_MALFORMED);
		assert_int_equal(end.arrived, 0);
		tear_down(&end);
	}
}

static void test_an_upcall_may_free_the_socket(void **state)
{
	(void)state;
	struct end end;
	struct buf out;
	set_up(&end, &wide);
	end.frees_in_arrived = true;
	buf_init(&out, PACKET_SIZE_MAX);
	put(&out, 1, 5);
	put(&out, 2, 5);
	say(&end, buf_bytes(&out));
	run_for(end.loop, 5);
	assert_int_equal(end.arrived, 1);
	assert_false(end.is_ended);
	buf_done(&out);
	tear_down(&end);
}

/* What the peer reads, of packets put together again from pieces of a size that fits nothing. */
static size_t hear(struct end *end, struct buf *in, size_t piece)
{
	size_t count = 0;
	ssize_t got = recv(end->fds[1], buf_reserve(in, piece), piece, 0);
	if (got > 0)
		buf_commit(in, (size_t)got);
	struct packet *packet;
	for (size_t len; packet_read(buf_bytes(in), &packet, &len) == OK; count++) {
		assert_int_equal(packet->tag, ++end->arrived);
		buf_consume(in, len);
		packet_free(&packet);
	}
	return count;
}

static void test_more_than_the_socket_takes_goes_as_it_is_read(void **state)
{
	(void)state;
	struct end end;
	struct buf in;
	set_up(&end, &wide);
	buf_init(&in, 4 * PACKET_SIZE_MAX);
	for (uint64_t tag = 1; tag <= 200; tag++)
		packet_socket_send(end.socket, new_packet(tag, tag % 7 == 0 ? 900000 : tag));
	for (int turn = 0; turn < 5000 && end.arrived < 200; turn++) {
		run_for(end.loop, 0);
		(void)hear(&end, &in, 99991);
	}
	assert_int_equal(end.arrived, 200);
	assert_int_equal(in.len, 0);
	buf_done(&in);
	tear_down(&end);
}

static void test_more_than_the_maximum_ends_it_at_the_end_of_the_turn(void **state)
{
	(void)state;
	static const struct packet_socket_limits limits = {SIZE_MAX, 0, 1000000};
	struct end end;
	set_up(&end, &limits);
	for (uint64_t tag = 1; tag <= 20; tag++)
		packet_socket_send(end.socket, new_packet(tag, 100000));
	assert_false(end.is_ended);
	assert_true(run_until(end.loop, is_ended, &end, 5000));
	assert_int_equal(end.err, E_FULL);
	tear_down(&end);
}

static void test_a_peer_that_takes_nothing_is_ended_in_time(void **state)
{
	(void)state;
	static const struct packet_socket_limits limits = {100000, 50, SIZE_MAX};
	struct end end;
	set_up(&end, &limits);
	for (uint64_t tag = 1; tag <= 20; tag++)
		packet_socket_send(end.socket, new_packet(tag, 100000));
	run_for(end.loop, 10);
	assert_false(end.is_ended);
	assert_true(run_until(end.loop, is_ended, &end, 5000));
	assert_int_equal(end.err, E_TIMEOUT);
	tear_down(&end);
}

static void test_a_peer_that_reads_slowly_is_not_ended(void **state)
{
	(void)state;
	static const struct packet_socket_limits limits = {100000, 100, SIZE_MAX};
	struct end end;
	struct buf in;
	set_up(&end, &limits);
	buf_init(&in, 4 * PACKET_SIZE_MAX);
	for (uint64_t tag = 1; tag <= 20; tag++)
		packet_socket_send(end.socket, new_packet(tag, 100000));
	for (int turn = 0; turn < 20 && end.arrived < 20; turn++) {
		run_for(end.loop, 20);
		while (hear(&end, &in, 65536) == 0 && in.len < 65536)
			;
	}
	assert_false(end.is_ended);
	for (int turn = 0; turn < 1000 && end.arrived < 20; turn++) {
		run_for(end.loop, 0);
		(void)hear(&end, &in, 65536);
	}
	assert_int_equal(end.arrived, 20);
	run_for(end.loop, 150); /* nothing waits any more: no time runs against it */
	assert_false(end.is_ended);
	buf_done(&in);
	tear_down(&end);
}

static void test_who_does_not_read_is_not_read_either(void **state)
{
	(void)state;
	static const struct packet_socket_limits limits = {100000, 60000, SIZE_MAX};
	struct end end;
	struct buf out;
	set_up(&end, &limits);
	buf_init(&out, PACKET_SIZE_MAX);
	for (uint64_t tag = 1; tag <= 20; tag++)
		packet_socket_send(end.socket, new_packet(tag, 100000));
	run_for(end.loop, 5);
	for (uint64_t tag = 1; tag <= 3; tag++)
		put(&out, tag, 5);
	say(&end, buf_bytes(&out));
	run_for(end.loop, 20);
	assert_int_equal(end.arrived, 0);
	uint8_t piece[65536];
	for (int turn = 0; turn < 200 && end.arrived < 3; turn++) {
		while (recv(end.fds[1], piece, sizeof piece, 0) > 0)
			;
		run_for(end.loop, 0);
	}
	assert_three_came(&end);
	buf_done(&out);
	tear_down(&end);
}

static void test_a_packet_too_big_ends_the_socket(void **state)
{
	(void)state;
	struct end end;
	set_up(&end, &wide);
	packet_socket_send(end.socket, new_packet(1, PACKET_SIZE_MAX));
	assert_true(run_until(end.loop, is_ended, &end, 5000));
	assert_int_equal(end.err, E_TOO_BIG);
	tear_down(&end);
}

static void test_flush_writes_now_and_waits_no_longer_than_told(void **state)
{
	(void)state;
	struct end end;
	struct buf in;
	set_up(&end, &wide);
	buf_init(&in, PACKET_SIZE_MAX);
	packet_socket_send(end.socket, new_packet(1, 5));
	packet_socket_flush(end.socket, 0);
	assert_int_equal(hear(&end, &in, 4096), 1);
	for (uint64_t tag = 2; tag <= 20; tag++)
		packet_socket_send(end.socket, new_packet(tag, 100000));
	int64_t start_ms = clock_now_ms(clock_system());
	packet_socket_flush(end.socket, 50);
	int64_t took_ms = clock_now_ms(clock_system()) - start_ms;
	assert_in_range(took_ms, 49, 2000);
	assert_false(end.is_ended);
	buf_done(&in);
	tear_down(&end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_come_byte_by_byte),
		cmocka_unit_test(test_the_last_words_of_a_peer_are_heard),
		cmocka_unit_test(test_a_peer_that_shuts_its_ears_is_ended),
		cmocka_unit_test(test_nonsense_ends_the_socket),
		cmocka_unit_test(test_an_upcall_may_free_the_socket),
		cmocka_unit_test(test_more_than_the_socket_takes_goes_as_it_is_read),
		cmocka_unit_test(test_more_than_the_maximum_ends_it_at_the_end_of_the_turn),
		cmocka_unit_test(test_a_peer_that_takes_nothing_is_ended_in_time),
		cmocka_unit_test(test_a_peer_that_reads_slowly_is_not_ended),
		cmocka_unit_test(test_who_does_not_read_is_not_read_either),
		cmocka_unit_test(test_a_packet_too_big_ends_the_socket),
		cmocka_unit_test(test_flush_writes_now_and_waits_no_longer_than_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
