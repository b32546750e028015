/* The host's door holds against clients that talk nonsense, say nothing, do not read, come in storms or are another user's: each
 * harms itself alone. Clients here are bare sockets. */
#include "tests/check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/embedded/line/attach.h"
#include "broker/embedded/line/socket_file.h"
#include "fake_core.h"
#include "fixture_turns.h"

#define VISITORS_MAX 64

struct fixture {
	struct loop *loop;
	char directory[64];
	struct core core;
	struct doorway *doorway;
	int good; /* a client that keeps to the rules, and must be heard to the end */
	uint64_t last_tag;
};

/* ---- bare clients ---- */

static int connect_bare(const struct fixture *f)
{
	int fd = -1;
	struct why why;
	if (socket_file_connect(f->directory, &fd, &why) != OK)
		print_error("%s\n", why.text);
	assert_true(fd >= 0);
	return fd;
}

static void say_bytes(int fd, struct bytes b)
{
	assert_int_equal(send(fd, b.data, b.len, MSG_NOSIGNAL), b.len);
}

static void say(int fd, enum packet_kind kind, uint64_t tag, int64_t value)
{
	struct packet *packet = packet_new(kind, tag);
	struct buf out;
	buf_init(&out, PACKET_SIZE_MAX);
	packet->value[0] = value;
	assert_int_equal(packet_write(packet, &out), OK);
	say_bytes(fd, buf_bytes(&out));
	packet_free(&packet);
	buf_done(&out);
}

static int connect_and_hello(const struct fixture *f)
{
	int fd = connect_bare(f);
	say(fd, PACKET_HELLO, 0, PACKET_VERSION);
	return fd;
}

/* The host has closed it; what it said before is thrown away. */
static bool is_shut(void *owner)
{
	char bytes[4096];
	ssize_t got;
	do {
		got = recv(*(const int *)owner, bytes, sizeof bytes, 0);
	} while (got > 0);
	return got == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Like is_shut, and reads nothing. */
static bool is_hung_up(void *owner)
{
	struct pollfd fd = {.fd = *(const int *)owner};
	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLHUP) != 0;
}

static bool has_packet(void *owner)
{
	uint8_t byte;
	return recv(*(const int *)owner, &byte, 1, MSG_PEEK) == 1;
}

static struct packet *hear(struct fixture *f, int fd)
{
	uint8_t bytes[4096];
	struct packet *packet = NULL;
	size_t len;
	assert_true(run_until(f->loop, has_packet, &fd, 5000));
	ssize_t got = recv(fd, bytes, sizeof bytes, 0);
	assert_true(got > 0);
	assert_int_equal(packet_read(bytes_from(bytes, (size_t)got), &packet, &len), OK);
	assert_int_equal(len, got);
	return packet;
}

static void assert_is_served(struct fixture *f, int fd)
{
	say(fd, PACKET_APPEND, ++f->last_tag, 0);
	struct packet *packet = hear(f, fd);
	assert_int_equal(packet->kind, PACKET_ENTRY);
	assert_int_equal(packet->tag, f->last_tag);
	packet_free(&packet);
}

static void assert_greeted(struct fixture *f, int fd)
{
	struct packet *packet = hear(f, fd);
	assert_int_equal(packet->kind, PACKET_STATE);
	packet_free(&packet);
}

/* fd is shut by the host, and nobody else is harmed. */
static void assert_refused(struct fixture *f, int fd)
{
	assert_true(run_until(f->loop, is_shut, &fd, 5000));
	(void)close(fd);
	assert_int_equal(f->core.sessions, 1);
	assert_is_served(f, f->good);
}

static int set_up(void **state)
{
	struct fixture *f = memory_new(sizeof *f);
	struct why why;
	f->loop = loop_new();
	make_directory(f->directory);
	fake_core_init(&f->core);
	assert_int_equal(doorway_open(f->loop, &f->core, f->directory, &f->doorway, &why), OK);
	f->good = connect_and_hello(f);
	assert_greeted(f, f->good);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->doorway)
		assert_is_served(f, f->good);
	(void)close(f->good);
	doorway_close(&f->doorway);
	assert_int_equal(f->core.sessions, 0);
	fake_core_done(&f->core);
	remove_directory(f->directory);
	loop_free(&f->loop);
	free(f);
	return 0;
}

/* ---- what they do ---- */

static void test_a_client_that_speaks_byte_by_byte_is_heard(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = packet_new(PACKET_HELLO, 0);
	struct buf out;
	buf_init(&out, PACKET_SIZE_MAX);
	packet->value[0] = PACKET_VERSION;
	assert_int_equal(packet_write(packet, &out), OK);
	int fd = connect_bare(f);
	for (size_t i = 0; i < out.len; i++) {
		assert_int_equal(f->core.sessions, 1);
		say_bytes(fd, bytes_from(buf_bytes(&out).data + i, 1));
		run_for(f->loop, 0);
	}
	assert_greeted(f, fd);
	assert_is_served(f, fd);
	packet_free(&packet);
	buf_done(&out);
	(void)close(fd);
}

static void test_nonsense_is_refused_before_and_after_hello(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[] = {"GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff",
					    "\x01\x02\x03\x04"};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = connect_bare(f);
		say_bytes(fd, bytes_of(cases[i]));
		assert_refused(f, fd);
		fd = connect_and_hello(f);
		assert_greeted(f, fd);
		say_bytes(fd, bytes_of(cases[i]));
		assert_refused(f, fd);
	}
}

static void test_a_first_packet_that_is_no_hello_of_our_version_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum packet_kind kind;
		int64_t version;
	} cases[] = {{PACKET_PUBLISH, PACKET_VERSION},
		     {PACKET_HELLO, PACKET_VERSION + 1},
		     {PACKET_HELLO, 0},
		     {PACKET_HELLO, -1}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int fd = connect_bare(f);
		say(fd, cases[i].kind, 0, cases[i].version);
		assert_refused(f, fd);
	}
	assert_int_equal(f->core.attached, 1);
}

static void test_a_client_that_the_core_refuses_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = connect_and_hello(f);
	assert_greeted(f, fd);
	say(fd, PACKET_CANCEL, 1, 0);
	say(fd, PACKET_APPEND, 2, 0); /* is not listened to any more */
	assert_refused(f, fd);
	assert_int_equal(f->core.attached, 2);
}

static void test_half_a_packet_and_gone(void **state)
{
	struct fixture *f = *state;
	int fd = connect_and_hello(f);
	assert_greeted(f, fd);
	say_bytes(fd, BYTES("\x2d\0\0\0\x02"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_refused(f, fd);
}

static void test_a_storm_of_clients_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	int fds_before = open_fd_count();
	for (int i = 0; i < 1000; i++) {
		int fd = i % 2 ? connect_and_hello(f) : connect_bare(f);
		if (i % 3 == 0)
			run_for(f->loop, 0);
		(void)close(fd);
		if (i % 20 == 19) /* the kernel's queue holds only some */
			run_for(f->loop, 1);
	}
	run_for(f->loop, 50);
	assert_int_equal(f->core.sessions, 1);
	assert_int_equal(open_fd_count(), fds_before);
}

static void test_one_client_too_many_waits_for_another_to_go(void **state)
{
	struct fixture *f = *state;
	int fds[VISITORS_MAX];
	for (int i = 1; i < VISITORS_MAX; i++) {
		fds[i] = connect_and_hello(f);
		assert_greeted(f, fds[i]);
	}
	int late = connect_bare(f);
	assert_true(run_until(f->loop, is_shut, &late, 5000));
	(void)close(late);
	assert_int_equal(f->core.sessions, VISITORS_MAX);
	(void)close(fds[1]);
	run_for(f->loop, 20);
	fds[1] = connect_and_hello(f);
	assert_greeted(f, fds[1]);
	for (int i = 1; i < VISITORS_MAX; i++)
		(void)close(fds[i]);
	run_for(f->loop, 20);
	assert_int_equal(f->core.sessions, 1);
}

static void test_a_client_that_never_reads_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = connect_and_hello(f);
	say(fd, PACKET_CONSUME, 1, 1000); /* 250 MB: too much to wait for long, not too much yet */
	run_for(f->loop, 20);
	assert_int_equal(f->core.sessions, 2);
	assert_is_served(f, f->good);
	(void)close(fd);
	run_for(f->loop, 20);
	assert_int_equal(f->core.sessions, 1);
	fd = connect_and_hello(f);
	say(fd, PACKET_CONSUME, 1, 3000);
	assert_true(run_until(f->loop, is_hung_up, &fd, 5000));
	assert_refused(f, fd);
}

static void test_much_is_sent_to_a_client_that_reads(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[1 << 20];
	size_t total = 0;
	int fd = connect_and_hello(f);
	say(fd, PACKET_CONSUME, 1, 1000);
	for (int turn = 0; turn < 100000 && total < 1000 * LEASE_SIZE; turn++) {
		run_for(f->loop, 0);
		for (ssize_t got; (got = recv(fd, bytes, sizeof bytes, 0)) > 0;)
			total += (size_t)got;
	}
	assert_true(total > 1000 * LEASE_SIZE);
	assert_int_equal(f->core.sessions, 2);
	(void)close(fd);
}

/* ---- another user ---- */

/* In a child: another user connects, through a file opened to everyone, and waits to be shut out. 0 when it was. */
static int as_another_user(const struct fixture *f)
{
	int fd = -1;
	char byte;
	struct why why;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	if (socket_file_connect(f->directory, &fd, &why) != OK)
		return 3;
	for (int i = 0; i < 5000; i++) {
		ssize_t got = recv(fd, &byte, 1, 0);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return 0;
		usleep(1000);
	}
	return 4;
}

static bool has_ended(void *owner)
{
	siginfo_t info = {.si_pid = 0};
	return waitid(P_PID, (id_t) * (const pid_t *)owner, &info, WEXITED | WNOHANG | WNOWAIT) ==
		       0 &&
	       info.si_pid != 0;
}

static void test_another_user_is_shut_out(void **state)
{
	struct fixture *f = *state;
	char path[128];
	int status = -1;
	if (geteuid() != 0) {
		skip();
		return;
	}
	(void)snprintf(path, sizeof path, "%s/socket", f->directory);
	assert_int_equal(chmod(f->directory, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(as_another_user(f));
	assert_true(run_until(f->loop, has_ended, &child, 10000));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(f->core.attached, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		T(test_a_client_that_speaks_byte_by_byte_is_heard),
		T(test_nonsense_is_refused_before_and_after_hello),
		T(test_a_first_packet_that_is_no_hello_of_our_version_is_refused),
		T(test_a_client_that_the_core_refuses_is_closed),
		T(test_half_a_packet_and_gone),
		T(test_a_storm_of_clients_leaves_nothing_behind),
		T(test_one_client_too_many_waits_for_another_to_go),
		T(test_a_client_that_never_reads_is_closed),
		T(test_much_is_sent_to_a_client_that_reads),
		T(test_another_user_is_shut_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
