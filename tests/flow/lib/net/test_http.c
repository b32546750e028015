/* The HTTP server, asked by a plain socket. */
#include "lib/net/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/loop_fixture.h"

struct fixture {
	struct loop *loop;
	struct http_server *server;
	char path[256]; /* of the last request */
	unsigned request_count;
};

static void on_get(void *owner, const char *path, struct http_answer *answer)
{
	struct fixture *f = owner;
	f->request_count++;
	(void)snprintf(f->path, sizeof f->path, "%s", path);
	if (strcmp(path, "/metrics") == 0) {
		answer->status = 200;
		assert_int_equal(buf_append_text(&answer->body, "up 1\n"), OK);
	} else if (strcmp(path, "/big") == 0) {
		answer->status = 200;
		answer->content_type = "application/octet-stream";
		memset(buf_reserve(&answer->body, 8 << 20), 'x', 8 << 20);
		buf_commit(&answer->body, 8 << 20);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->loop = loop_new();
	struct net_address address;
	struct why why;
	if (!net_address_parse("127.0.0.1:0", 0, &address) ||
	    http_server_open(f->loop, &address, on_get, f, &f->server, &why) != OK)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_server_close(&f->server);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static int open_socket(struct fixture *f)
{
	const struct net_address *address = http_server_address(f->server);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, &address->sa.any, address->len), 0);
	return fd;
}

/* Everything the server says on the connection within half a second. */
static size_t read_reply(struct fixture *f, int fd, char *out, size_t size)
{
	size_t len = 0;
	for (int i = 0; i < 100; i++) {
		run_for(f->loop, 5);
		ssize_t count;
		while ((count = recv(fd, out + len, size - 1 - len, MSG_DONTWAIT)) > 0)
			len += (size_t)count;
		if (count == 0 || (len > 0 && i > 10))
			break;
	}
	out[len] = '\0';
	return len;
}

static void ask(struct fixture *f, const char *request, char *out, size_t size)
{
	int fd = open_socket(f);
	size_t len = strlen(request);
	assert_int_equal(write(fd, request, len), (ssize_t)len);
	(void)read_reply(f, fd, out, size);
	(void)close(fd);
}

static void test_get_is_answered_with_the_body(void **state)
{
	struct fixture *f = *state;
	char reply[2000];
	ask(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", reply, sizeof reply);
	assert_non_null(strstr(reply, "HTTP/1.1 200"));
	assert_non_null(strstr(reply, "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(reply, "\r\n\r\nup 1\n"));
	assert_string_equal(f->path, "/metrics");
}

static void test_head_is_answered_without_the_body(void **state)
{
	struct fixture *f = *state;
	char reply[2000];
	ask(f, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", reply, sizeof reply);
	assert_non_null(strstr(reply, "HTTP/1.1 200"));
	assert_non_null(strstr(reply, "Content-Length: 5\r\n"));
	assert_null(strstr(reply, "up 1"));
}

static void test_unknown_paths_are_404(void **state)
{
	struct fixture *f = *state;
	char reply[2000];
	ask(f, "GET /nothing?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", reply, sizeof reply);
	assert_non_null(strstr(reply, "HTTP/1.1 404"));
	assert_string_equal(f->path, "/nothing");
}

static void test_other_methods_are_405(void **state)
{
	struct fixture *f = *state;
	static const char *const requests[] = {
		"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		char reply[2000];
		ask(f, requests[i], reply, sizeof reply);
		assert_non_null(strstr(reply, "HTTP/1.1 405"));
		assert_non_null(strstr(reply, "Allow: GET, HEAD\r\n"));
	}
	assert_int_equal(f->request_count, 0);
}

static void test_many_requests_on_one_connection(void **state)
{
	struct fixture *f = *state;
	int fd = open_socket(f);
	for (int i = 0; i < 20; i++) {
		char reply[2000];
		const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
		assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
		(void)read_reply(f, fd, reply, sizeof reply);
		assert_non_null(strstr(reply, "up 1"));
	}
	assert_int_equal(f->request_count, 20);
	(void)close(fd);
}

static void test_a_body_of_eight_megabytes_goes_out(void **state)
{
	struct fixture *f = *state;
	const size_t size = (size_t)9 << 20;
	char *reply = test_malloc(size);
	int fd = open_socket(f);
	const char request[] = "GET /big HTTP/1.0\r\n\r\n";
	assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
	size_t len = 0;
	ssize_t count = 0;
	for (int i = 0; i < 2000 && (count != 0 || len == 0); i++) {
		run_for(f->loop, 1);
		while ((count = recv(fd, reply + len, size - len, MSG_DONTWAIT)) > 0)
			len += (size_t)count;
	}
	assert_true(len > (size_t)8 << 20);
	(void)close(fd);
	test_free(reply);
}

static void test_headers_without_end_are_refused(void **state)
{
	struct fixture *f = *state;
	char request[40000], reply[2000];
	memset(request, 'a', sizeof request);
	memcpy(request, "GET / HTTP/1.1\r\nHost: ", 22);
	request[sizeof request - 1] = '\0';
	ask(f, request, reply, sizeof reply);
	assert_true(strstr(reply, "HTTP/1.1 431") || strstr(reply, "HTTP/1.1 413") || !*reply);
	assert_int_equal(f->request_count, 0);
}

static void test_a_client_that_says_nothing_harms_no_other(void **state)
{
	struct fixture *f = *state;
	int silent = open_socket(f);
	int slow = open_socket(f);
	assert_int_equal(write(slow, "GET /met", 8), 8);
	char reply[2000];
	ask(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", reply, sizeof reply);
	assert_non_null(strstr(reply, "up 1"));
	assert_int_equal(write(slow, "rics HTTP/1.1\r\nHost: x\r\n\r\n", 26), 26);
	(void)read_reply(f, slow, reply, sizeof reply);
	assert_non_null(strstr(reply, "up 1"));
	(void)close(silent);
	(void)close(slow);
}

static void test_a_port_in_use_is_refused(void **state)
{
	struct fixture *f = *state;
	struct http_server *none = NULL;
	struct why why;
	assert_int_equal(
		http_server_open(f->loop, http_server_address(f->server), on_get, f, &none, &why),
		E_IO);
	assert_non_null(strstr(why.text, "in use"));
	assert_null(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_get_is_answered_with_the_body),
		TEST(test_head_is_answered_without_the_body),
		TEST(test_unknown_paths_are_404),
		TEST(test_other_methods_are_405),
		TEST(test_many_requests_on_one_connection),
		TEST(test_a_body_of_eight_megabytes_goes_out),
		TEST(test_headers_without_end_are_refused),
		TEST(test_a_client_that_says_nothing_harms_no_other),
		TEST(test_a_port_in_use_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
