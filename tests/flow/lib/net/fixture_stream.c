/* See fixture_stream.h. Everything a test leaves open goes in fixture_teardown(). */
#include "fixture_stream.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- upcalls ---- */

static void on_connected(void *owner)
{
	struct end *end = owner;
	end->connected_count++;
	if (end->on_connected)
		end->on_connected(end);
}

static void on_received(void *owner)
{
	struct end *end = owner;
	end->received_count++;
	if (!end->keeps_input) {
		struct bytes input = stream_input(end->stream);
		assert_int_equal(buf_append(&end->received, input), OK);
		stream_consume(end->stream, input.len);
	}
	if (end->on_received)
		end->on_received(end);
}

static void on_drained(void *owner)
{
	struct end *end = owner;
	end->drained_count++;
	if (end->on_drained)
		end->on_drained(end);
}

static void on_secured(void *owner)
{
	struct end *end = owner;
	end->secured_count++;
	if (end->on_secured)
		end->on_secured(end);
}

static void on_closed(void *owner, enum err err, const struct why *why)
{
	struct end *end = owner;
	end->closed_count++;
	end->err = err;
	end->why = *why;
	if (end->on_closed)
		end->on_closed(end);
}

static const struct stream_handler handler = {on_connected, on_received, on_drained, on_secured,
					      on_closed};

static void on_accepted(void *owner, int fd, const struct net_address *remote)
{
	struct fixture *f = owner;
	f->accepted_count++;
	f->server_fd = fd;
	assert_true(remote->len > 0);
	if (f->server.stream) {
		(void)close(fd);
		return;
	}
	f->server.stream = stream_adopt(f->loop, fd, &f->options, &handler, &f->server);
	if (f->server.on_connected)
		f->server.on_connected(&f->server);
}

/* ---- setup ---- */

static void on_poll(void *owner)
{
	struct fixture *f = owner;
	if ((f->condition && f->condition(f)) || loop_now_ms(f->loop) >= f->deadline_ms)
		loop_stop(f->loop);
	else
		timer_start(f->poll, 1);
}

int fixture_setup(void **state)
{
	(void)signal(SIGPIPE, SIG_IGN);
	struct fixture *f = calloc(1, sizeof *f);
	f->loop = loop_new();
	f->poll = timer_new(f->loop, on_poll, f);
	f->options = (struct stream_options){(size_t)1 << 20, (size_t)1 << 20};
	f->client.fixture = f->server.fixture = f;
	buf_init(&f->client.received, (size_t)64 << 20);
	buf_init(&f->server.received, (size_t)64 << 20);
	struct net_address address;
	struct why why;
	if (!net_address_parse("127.0.0.1:0", 0, &address) ||
	    listener_open(f->loop, &address, on_accepted, f, &f->listener, &why) != OK)
		return -1;
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	stream_free(&f->client.stream);
	stream_free(&f->server.stream);
	listener_close(&f->listener);
	timer_free(&f->poll);
	loop_free(&f->loop);
	buf_done(&f->client.received);
	buf_done(&f->server.received);
	if (*f->folder) {
		(void)unlink(f->certificate);
		(void)unlink(f->key);
		(void)rmdir(f->folder);
	}
	free(f);
	return 0;
}

void make_certificate(struct fixture *f)
{
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/leveret-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->certificate, sizeof f->certificate, "%s/certificate.pem", f->folder);
	(void)snprintf(f->key, sizeof f->key, "%s/key.pem", f->folder);
	char command[1024];
	(void)snprintf(
		command, sizeof command,
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		"-subj /CN=mx.test -addext subjectAltName=DNS:mx.test,IP:127.0.0.1 "
		"-keyout %s -out %s 2>/dev/null",
		f->key, f->certificate);
	assert_int_equal(system(command), 0);
}

/* ---- what tests do ---- */

void run_until(struct fixture *f, bool (*condition)(struct fixture *f))
{
	f->condition = condition;
	f->deadline_ms = loop_now_ms(f->loop) + 20000;
	timer_start(f->poll, 0);
	loop_run(f->loop);
	timer_stop(f->poll);
	assert_true(condition(f));
}

void run_for(struct fixture *f, int64_t duration_ms)
{
	f->condition = NULL;
	f->deadline_ms = loop_now_ms(f->loop) + duration_ms;
	timer_start(f->poll, 0);
	loop_run(f->loop);
	timer_stop(f->poll);
}

void client_connect(struct fixture *f)
{
	client_connect_to(f, listener_address(f->listener), NULL, 5000);
}

void client_connect_to(struct fixture *f, const struct net_address *to,
		       const struct net_address *source, int64_t timeout_ms)
{
	f->client.stream =
		stream_connect(f->loop, to, source, timeout_ms, &f->options, &handler, &f->client);
	assert_int_equal(f->client.connected_count + f->client.closed_count, 0);
}

int raw_connect(struct fixture *f)
{
	const struct net_address *address = listener_address(f->listener);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &address->sa.any, address->len), 0);
	return fd;
}

void stream_say(struct end *end, const char *text)
{
	assert_int_equal(stream_write(end->stream, bytes_of(text)), OK);
}

void assert_received(const struct end *end, const char *text)
{
	struct bytes all = buf_bytes(&end->received);
	assert_int_equal(all.len, strlen(text));
	assert_memory_equal(all.data, text, all.len);
}

static uint8_t pattern_at(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

void write_pattern(struct end *end)
{
	uint8_t chunk[50000];
	struct fixture *f = end->fixture;
	while (f->body_sent < BIG_SIZE) {
		size_t len = sizeof chunk < BIG_SIZE - f->body_sent ? sizeof chunk
								    : BIG_SIZE - f->body_sent;
		for (size_t i = 0; i < len; i++)
			chunk[i] = pattern_at(f->body_sent + i);
		enum err err = stream_write(end->stream, bytes_from(chunk, len));
		if (err != OK) {
			assert_int_equal(err, E_FULL);
			return;
		}
		f->body_sent += len;
	}
}

void assert_pattern(const struct buf *received)
{
	struct bytes all = buf_bytes(received);
	assert_int_equal(all.len, BIG_SIZE);
	for (size_t i = 0; i < all.len; i++) {
		if (all.data[i] != pattern_at(i))
			fail_msg("byte %zu differs", i);
	}
}

bool server_is_there(struct fixture *f)
{
	return f->server.stream != NULL;
}

bool both_are_open(struct fixture *f)
{
	return f->client.connected_count > 0 && f->server.stream;
}

bool client_is_closed(struct fixture *f)
{
	return f->client.closed_count > 0;
}

bool server_is_closed(struct fixture *f)
{
	return f->server.closed_count > 0;
}

bool both_are_closed(struct fixture *f)
{
	return client_is_closed(f) && server_is_closed(f);
}

bool both_are_secured(struct fixture *f)
{
	return f->client.secured_count > 0 && f->server.secured_count > 0;
}
