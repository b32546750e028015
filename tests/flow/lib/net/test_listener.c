/* Listeners: pausing, running out of descriptors, sharing a port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture_stream.h"

#include <cmocka.h>

static bool one_was_accepted(struct fixture *f)
{
	return f->accepted_count == 1;
}

static void test_a_paused_listener_lets_clients_wait(void **state)
{
	struct fixture *f = *state;
	listener_pause(f->listener, true);
	int fd = raw_connect(f);
	run_for(f, 30);
	assert_int_equal(f->accepted_count, 0);
	listener_pause(f->listener, false);
	run_until(f, one_was_accepted);
	(void)close(fd);
}

static void test_without_descriptors_a_listener_rests_and_comes_back(void **state)
{
	struct fixture *f = *state;
	run_for(f, 1); /* the loop has all its own descriptors */
	int fd = raw_connect(f);
	struct rlimit before, none;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct rusage start, end;
	(void)getrusage(RUSAGE_SELF, &start);
	run_for(f, 250);
	(void)getrusage(RUSAGE_SELF, &end);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(f->accepted_count, 0);
	int64_t used_ms = (end.ru_utime.tv_sec - start.ru_utime.tv_sec) * 1000 +
			  (end.ru_utime.tv_usec - start.ru_utime.tv_usec) / 1000;
	assert_true(used_ms < 150); /* it does not spin */
	run_until(f, one_was_accepted);
	(void)close(fd);
}

static void ignore(void *owner, int fd, const struct net_address *remote)
{
	(void)remote;
	unsigned *count = owner;
	++*count;
	(void)close(fd);
}

static void test_two_listeners_share_a_port(void **state)
{
	struct fixture *f = *state;
	struct listener *second = NULL;
	struct why why;
	unsigned second_count = 0;
	assert_int_equal(listener_open(f->loop, listener_address(f->listener), ignore,
				       &second_count, &second, &why),
			 OK);
	int fds[50];
	for (int i = 0; i < 50; i++)
		fds[i] = raw_connect(f);
	run_for(f, 50);
	assert_int_equal(f->accepted_count + second_count, 50);
	assert_true(f->accepted_count > 0 && second_count > 0);
	for (int i = 0; i < 50; i++)
		(void)close(fds[i]);
	listener_close(&second);
}

static void test_an_address_that_is_not_ours_is_named(void **state)
{
	struct fixture *f = *state;
	struct net_address address;
	struct listener *none = NULL;
	struct why why;
	assert_true(net_address_parse("192.0.2.1:25", 0, &address));
	assert_int_equal(listener_open(f->loop, &address, ignore, NULL, &none, &why), E_IO);
	assert_non_null(strstr(why.text, "192.0.2.1:25"));
	assert_null(none);
}

struct closing {
	struct listener *listener;
	unsigned count;
};

static void close_listener(void *owner, int fd, const struct net_address *remote)
{
	(void)remote;
	struct closing *closing = owner;
	closing->count++;
	(void)close(fd);
	listener_close(&closing->listener);
}

static void test_a_listener_may_be_closed_when_it_accepts(void **state)
{
	struct fixture *f = *state;
	struct closing closing = {.count = 0};
	struct net_address address;
	struct why why;
	assert_true(net_address_parse("[::1]:0", 0, &address));
	if (listener_open(f->loop, &address, close_listener, &closing, &closing.listener, &why) !=
	    OK)
		skip(); /* a machine without IPv6 */
	address = *listener_address(closing.listener);
	int fds[2];
	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET6, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], &address.sa.any, address.len), 0);
	}
	run_for(f, 20);
	assert_int_equal(closing.count, 1);
	assert_null(closing.listener);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_paused_listener_lets_clients_wait),
		TEST(test_without_descriptors_a_listener_rests_and_comes_back),
		TEST(test_two_listeners_share_a_port),
		TEST(test_an_address_that_is_not_ours_is_named),
		TEST(test_a_listener_may_be_closed_when_it_accepts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
