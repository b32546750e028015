/* What an HTTP service does with clients that are slow, or still waiting at its end. */
#include "tests/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/net/http_service.h"
#include "tests/loop_fixture.h"

#define LARGE_BYTES ((size_t)32 << 20)

struct fixture {
	struct loop *loop;
	struct http_service *service;
	struct http_exchange *waiting[8]; /* complete, and not answered */
	size_t waiting_count, ended_count;
};

struct request {
	struct fixture *fixture;
	struct http_exchange *exchange;
};

static bool on_client(void *owner, const struct net_address *remote)
{
	(void)owner, (void)remote;
	return true;
}

static void *on_begun(void *owner, struct http_exchange *exchange)
{
	struct request *request = memory_new(sizeof *request);
	*request = (struct request){owner, exchange};
	return request;
}

static void on_body(void *owner, struct bytes span)
{
	(void)owner, (void)span;
}

static void on_complete(void *owner)
{
	struct request *request = owner;
	struct fixture *f = request->fixture;
	if (strcmp(http_exchange_path(request->exchange), "/large") != 0) {
		f->waiting[f->waiting_count++] = request->exchange;
		return;
	}
	uint8_t *large = memory_new(LARGE_BYTES);
	const struct http_reply reply = {.status = 200,
					 .content_type = "text/plain",
					 .body = bytes_from(large, LARGE_BYTES)};
	http_exchange_answer(request->exchange, &reply);
	free(large);
}

static void on_ended(void *owner)
{
	struct request *request = owner;
	request->fixture->ended_count++;
	free(request);
}

static void on_drained(void *owner)
{
	(void)owner;
}

static int setup(void **state)
{
	static const struct http_service_handler upcalls = {.client = on_client,
							    .begun = on_begun,
							    .body = on_body,
							    .complete = on_complete,
							    .ended = on_ended,
							    .drained = on_drained};
	struct fixture *f = calloc(1, sizeof *f);
	struct why why;
	f->loop = loop_new();
	struct http_service_options options = {.connections_max = 8,
					       .connections_per_ip_max = 8,
					       .head_bytes_max = 8192,
					       .head_ms = 60000,
					       .body_ms = 60000,
					       .idle_ms = 60000,
					       .answer_ms = 300};
	if (!net_address_parse("127.0.0.1:0", 0, &options.address) ||
	    http_service_open(f->loop, &options, &upcalls, f, &f->service, &why) != OK)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_service_free(&f->service);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static int ask(struct fixture *f, const char *request)
{
	const struct net_address *address = http_service_address(f->service);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, &address->sa.any, address->len), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	return fd;
}

/* All that comes, while the service runs beside it; true when it hung up. */
static bool read_all(struct fixture *f, int fd, size_t *ret_len)
{
	char piece[65536];
	ssize_t len = 1;
	*ret_len = 0;
	for (int i = 0; i < 5000; i++) {
		run_for(f->loop, 1);
		len = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
		if (len == 0 || (len < 0 && errno == ECONNRESET))
			return true;
		if (len > 0)
			*ret_len += (size_t)len;
	}
	return false;
}

/* libmicrohttpd panics when a connection is suspended at its end. */
static void test_it_may_end_while_clients_wait_and_others_come(void **state)
{
	struct fixture *f = *state;
	int fds[5];
	char answer[64] = "";
	for (size_t i = 0; i < 3; i++)
		fds[i] = ask(f, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	run_for(f->loop, 50);
	assert_int_equal(f->waiting_count, 3);
	fds[3] = ask(f, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); /* not seen yet */
	fds[4] = ask(f, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
	http_service_free(&f->service);
	assert_int_equal(f->waiting_count, 3);
	assert_true(f->ended_count >= 3);
	assert_true(recv(fds[0], answer, sizeof answer - 1, 0) > 12);
	assert_memory_equal(answer, "HTTP/1.1 503", 12);
	for (size_t i = 0; i < 5; i++)
		close(fds[i]);
}

static void test_who_begins_while_it_ends_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	int waiting = ask(f, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
			     "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	int half = ask(f, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
	run_for(f->loop, 50);
	assert_int_equal(f->waiting_count, 1);
	assert_int_equal(write(half, "67890", 5), 5); /* would be complete with the next turn */
	http_service_free(&f->service);
	assert_int_equal(f->waiting_count, 1);
	assert_int_equal(f->ended_count, 2);
	close(waiting);
	close(half);
}

static void test_who_does_not_read_the_answer_is_hung_up_on(void **state)
{
	struct fixture *f = *state;
	size_t len = 0;
	int fd = ask(f, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
	run_for(f->loop, 100);
	assert_int_equal(f->ended_count, 0);
	run_for(f->loop, 2500); /* a sweep each second */
	assert_int_equal(f->ended_count, 1);
	assert_true(read_all(f, fd, &len));
	assert_true(len < LARGE_BYTES);
	close(fd);
}

static void test_who_reads_gets_all_of_it(void **state)
{
	struct fixture *f = *state;
	size_t len = 0;
	int fd = ask(f, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_true(read_all(f, fd, &len));
	assert_true(len > LARGE_BYTES);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_may_end_while_clients_wait_and_others_come),
		TEST(test_who_begins_while_it_ends_is_not_waited_for),
		TEST(test_who_does_not_read_the_answer_is_hung_up_on),
		TEST(test_who_reads_gets_all_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
