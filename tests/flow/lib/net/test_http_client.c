/* The HTTP client against our own server on the same loop, which shows that neither waits for the other. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/net/http_client.h"
#include "lib/net/http_service.h"

#define ANSWER_MAX 1000

struct fixture {
	struct loop *loop;
	struct timer *limit;
	struct http_service *service;
	struct http_client *client;
	unsigned done_count, wanted_count;
	enum err err;
	long status;
	char body[ANSWER_MAX + 1];
	struct why why;
};

/* ---- the server: /status/418 answers so, /big too much, /silent never, all else what was sent ---- */

struct request {
	struct http_exchange *exchange;
	struct buf body;
};

static bool on_client(void *owner, const struct net_address *remote)
{
	(void)owner, (void)remote;
	return true;
}

static void *on_begun(void *owner, struct http_exchange *exchange)
{
	(void)owner;
	struct request *request = calloc(1, sizeof *request);
	request->exchange = exchange;
	buf_init(&request->body, ANSWER_MAX);
	return request;
}

static void on_body(void *owner, struct bytes span)
{
	struct request *request = owner;
	assert_int_equal(buf_append(&request->body, span), OK);
}

static void on_complete(void *owner)
{
	struct request *request = owner;
	static uint8_t big[ANSWER_MAX + 1];
	const char *path = http_exchange_path(request->exchange);
	const char *trial = http_exchange_header(request->exchange, "X-Trial");
	if (strcmp(path, "/silent") == 0)
		return;
	struct http_reply reply = {200, "text/plain", buf_bytes(&request->body), NULL, 0};
	if (strcmp(path, "/big") == 0)
		reply.body = bytes_from(big, sizeof big);
	else if (strncmp(path, "/status/", 8) == 0)
		reply.status = (unsigned)strtoul(path + 8, NULL, 10);
	else if (strcmp(path, "/header") == 0)
		reply.body = bytes_of(trial);
	else if (strcmp(path, "/method") == 0)
		reply.body = bytes_of(http_exchange_method(request->exchange));
	http_exchange_answer(request->exchange, &reply);
}

static void on_ended(void *owner)
{
	struct request *request = owner;
	buf_done(&request->body);
	free(request);
}

static void on_drained(void *owner)
{
	(void)owner;
}

static const struct http_service_handler handler = {
	on_client, on_begun, on_body, on_complete, on_ended, on_drained,
};

/* ---- a test ---- */

static void on_limit(void *owner)
{
	loop_stop(owner);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct why why;
	struct http_service_options service = {.connections_max = 50,
					       .connections_per_ip_max = 50,
					       .head_bytes_max = 8000,
					       .head_ms = 5000,
					       .body_ms = 5000,
					       .idle_ms = 5000,
					       .answer_ms = 5000};
	f->loop = loop_new();
	f->limit = timer_new(f->loop, on_limit, f->loop);
	assert_true(net_address_parse("127.0.0.1:0", 0, &service.address));
	assert_int_equal(http_service_open(f->loop, &service, &handler, f, &f->service, &why), OK);
	struct http_client_options client = {
		.loop = f->loop, .at_once = 2, .calls_max = 20, .answer_max = ANSWER_MAX};
	f->client = http_client_new(&client);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	http_client_free(&f->client);
	http_service_free(&f->service);
	timer_free(&f->limit);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static void on_done(void *owner, enum err err, const struct http_response *response,
		    const struct why *why)
{
	struct fixture *f = owner;
	f->done_count++;
	f->err = err;
	f->status = response->status;
	(void)bytes_to_cstr(response->body, f->body, sizeof f->body);
	f->why = *why;
	if (f->done_count == f->wanted_count)
		loop_stop(f->loop);
}

static struct http_call *start(struct fixture *f, const char *path, const char *body)
{
	static const char *const headers[] = {"X-Trial: one"};
	char address[NET_ADDRESS_SIZE], url[200];
	struct http_call *call = NULL;
	net_address_text(http_service_address(f->service), address);
	(void)snprintf(url, sizeof url, "http://%s%s", address, path);
	struct http_call_options options = {.url = url,
					    .body = bytes_of(body),
					    .content_type = body ? "text/plain" : NULL,
					    .headers = headers,
					    .header_count = 1,
					    .timeout_ms = 500};
	assert_int_equal(http_call_start(f->client, &options, on_done, f, &call), OK);
	return call;
}

static void run(struct fixture *f, unsigned count)
{
	f->wanted_count = count;
	timer_start(f->limit, 5000);
	loop_run(f->loop);
	assert_int_equal(f->done_count, count);
}

static void test_an_answer_comes_with_status_and_body(void **state)
{
	struct fixture *f = *state;
	(void)start(f, "/", "hello");
	assert_int_equal(f->done_count, 0);
	run(f, 1);
	assert_int_equal(f->err, OK);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body, "hello");
}

static void test_get_and_post(void **state)
{
	struct fixture *f = *state;
	(void)start(f, "/method", NULL);
	run(f, 1);
	assert_string_equal(f->body, "GET");
	(void)start(f, "/method", "x");
	run(f, 2);
	assert_string_equal(f->body, "POST");
	(void)start(f, "/header", NULL);
	run(f, 3);
	assert_string_equal(f->body, "one");
}

static void test_any_status_is_an_answer(void **state)
{
	struct fixture *f = *state;
	(void)start(f, "/status/418", NULL);
	run(f, 1);
	assert_int_equal(f->err, OK);
	assert_int_equal(f->status, 418);
}

static void test_what_never_comes_ends_in_time(void **state)
{
	struct fixture *f = *state;
	int64_t began_ms = loop_now_ms(f->loop);
	(void)start(f, "/silent", NULL);
	run(f, 1);
	assert_int_equal(f->err, E_TIMEOUT);
	assert_true(loop_now_ms(f->loop) - began_ms < 2000);
}

static void test_too_much_is_not_kept(void **state)
{
	struct fixture *f = *state;
	(void)start(f, "/big", NULL);
	run(f, 1);
	assert_int_equal(f->err, E_TOO_BIG);
}

static void refused(struct fixture *f, const char *url)
{
	struct http_call *call = NULL;
	struct http_call_options options = {.url = url, .timeout_ms = 500};
	unsigned before = f->done_count;
	enum err err = http_call_start(f->client, &options, on_done, f, &call);
	if (err == OK) {
		run(f, before + 1);
		err = f->err;
		assert_true(f->why.text[0] != '\0');
	}
	assert_int_not_equal(err, OK);
}

static void test_nobody_there_and_what_is_no_url(void **state)
{
	struct fixture *f = *state;
	refused(f, "http://127.0.0.1:1/");
	refused(f, "file:///etc/passwd");
	refused(f, "not a url");
}

static void test_more_calls_than_connections_wait_and_beyond_the_maximum_none_begins(void **state)
{
	struct fixture *f = *state;
	struct http_call *call = NULL;
	struct http_call_options options = {.url = "http://127.0.0.1:1/", .timeout_ms = 500};
	for (unsigned i = 0; i < 20; i++)
		(void)start(f, "/", "x");
	assert_int_equal(http_call_start(f->client, &options, on_done, f, &call), E_FULL);
	run(f, 20);
	assert_int_equal(f->err, OK);
}

static void test_a_cancelled_call_is_not_told(void **state)
{
	struct fixture *f = *state;
	struct http_call *call = start(f, "/silent", NULL);
	(void)start(f, "/", "x");
	run(f, 1);
	http_call_cancel(&call);
	assert_null(call);
	http_call_cancel(&call);
	(void)start(f, "/silent", NULL); /* freed while under way */
	assert_int_equal(f->done_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_an_answer_comes_with_status_and_body),
		T(test_get_and_post),
		T(test_any_status_is_an_answer),
		T(test_what_never_comes_ends_in_time),
		T(test_too_much_is_not_kept),
		T(test_nobody_there_and_what_is_no_url),
		T(test_more_calls_than_connections_wait_and_beyond_the_maximum_none_begins),
		T(test_a_cancelled_call_is_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
