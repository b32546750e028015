/* See fixture_client.h. What a test leaves open goes in fixture_teardown(). */
#include "fixture_client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the holder ---- */

static void on_ready(void *owner)
{
	struct fixture *f = owner;
	f->holder.ready_count++;
}

static void on_recipient_done(void *owner, size_t index, const struct smtp_outcome *outcome)
{
	struct fixture *f = owner;
	(void)index;
	f->holder.done_count++;
	f->holder.outcome = *outcome;
	(void)snprintf(f->holder.tls, sizeof f->holder.tls, "%s",
		       smtp_connection_tls(f->holder.connection));
}

static void on_transaction_done(void *owner)
{
	struct fixture *f = owner;
	f->holder.transaction_done_count++;
	if (f->holder.gives_back)
		smtp_connection_give_back(&f->holder.connection);
	else if (f->holder.quits)
		smtp_connection_quit(&f->holder.connection);
}

static void on_ended(void *owner, const struct smtp_outcome *outcome)
{
	struct fixture *f = owner;
	f->holder.ended_count++;
	f->holder.ended = *outcome;
	f->holder.connection = NULL;
}

static const struct smtp_session_handler handler = {
	.ready = on_ready,
	.recipient_done = on_recipient_done,
	.transaction_done = on_transaction_done,
	.ended = on_ended,
};

/* ---- the peer ---- */

static void say(struct peer *peer, const char *text)
{
	assert_int_equal(stream_write(peer->stream, bytes_of(text)), OK);
}

static void note(struct peer *peer, struct bytes line)
{
	assert_int_equal(buf_append(&peer->said, line), OK);
}

static void answer(struct peer *peer, struct bytes line)
{
	struct fixture *f = peer->fixture;
	note(peer, line);
	if (f->cuts_at && bytes_starts_with_nocase(line, f->cuts_at)) {
		stream_free(&peer->stream);
	} else if (f->silent_at && bytes_starts_with_nocase(line, f->silent_at)) {
		stream_pause(peer->stream, true);
	} else if (bytes_starts_with_nocase(line, "EHLO")) {
		say(peer, "250-peer.test\r\n250-PIPELINING\r\n250 SIZE 100000000\r\n");
	} else if (bytes_starts_with_nocase(line, "DATA")) {
		say(peer, "354 go\r\n");
		peer->is_in_data = true;
	} else if (bytes_starts_with_nocase(line, "QUIT")) {
		say(peer, "221 bye\r\n");
		stream_finish(peer->stream, 1000);
	} else {
		say(peer, "250 2.0.0 ok\r\n");
	}
}

static void take_body(struct peer *peer, struct bytes line)
{
	if (!bytes_is(line, ".\r\n")) {
		peer->body_bytes += line.len;
		return;
	}
	peer->is_in_data = false;
	note(peer, BYTES("<body>\r\n"));
	say(peer, "250 2.0.0 queued\r\n");
}

static void on_peer_received(void *owner)
{
	struct peer *peer = owner;
	for (;;) {
		struct bytes in = stream_input(peer->stream);
		ptrdiff_t end = bytes_find(in, '\n');
		if (end < 0)
			return;
		struct bytes line = bytes_first(in, (size_t)end + 1);
		if (peer->is_in_data)
			take_body(peer, line);
		else
			answer(peer, line);
		if (!peer->stream)
			return;
		stream_consume(peer->stream, line.len);
		if (bytes_starts_with_nocase(line, "QUIT"))
			return;
	}
}

static void on_peer_closed(void *owner, enum err err, const struct why *why)
{
	struct peer *peer = owner;
	(void)err;
	(void)why;
	stream_free(&peer->stream);
}

static const struct stream_handler peer_handler = {NULL, on_peer_received, NULL, NULL,
						   on_peer_closed};

static void on_accepted(void *owner, int fd, const struct net_address *remote)
{
	static const struct stream_options options = {(size_t)1 << 20, (size_t)1 << 20};
	struct fixture *f = owner;
	(void)remote;
	assert_in_range(f->peer_count, 0, PEERS_MAX - 1);
	struct peer *peer = &f->peers[f->peer_count++];
	peer->fixture = f;
	buf_init(&peer->said, (size_t)1 << 20);
	peer->stream = stream_adopt(f->loop, fd, &options, &peer_handler, peer);
	if (f->silent_at && strcmp(f->silent_at, "connect") == 0)
		return;
	say(peer, "220 peer.test\r\n");
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

static void set_defaults(struct fixture *f)
{
	f->timeouts = (struct smtp_timeouts){5000, 5000, 5000, 5000, 5000, 5000,  5000,
					     5000, 5000, 5000, 5000, 5000, 60000, 0};
	f->site = (struct site_settings){.messages_per_connection = 100,
					 .connection_idle = 5000,
					 .connection_life = 60000,
					 .tls = SMTP_TLS_OPPORTUNISTIC,
					 .tls_certificate = "",
					 .tls_key = ""};
	f->target = (struct smtp_target){.address = *listener_address(f->listener),
					 .host_name = "mx.test",
					 .helo = "worker.test",
					 .site = &f->site};
	f->recipients[0] = BYTES("a@x.test");
	f->recipients[1] = BYTES("b@x.test");
	f->mail = (struct smtp_transaction){.sender = BYTES("sender@x.test"),
					    .recipients = f->recipients,
					    .recipient_count = 1,
					    .content = BYTES("Subject: hi\r\n\r\n.hello\r\n")};
}

int fixture_setup(void **state)
{
	(void)signal(SIGPIPE, SIG_IGN);
	struct fixture *f = calloc(1, sizeof *f);
	if (!f)
		return -1;
	f->loop = loop_new();
	f->poll = timer_new(f->loop, on_poll, f);
	struct net_address address;
	struct why why;
	if (!net_address_parse("127.0.0.1:0", 0, &address) ||
	    listener_open(f->loop, &address, on_accepted, f, &f->listener, &why) != OK)
		return -1;
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/leveret-test-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	set_defaults(f);
	start_client(f, NULL);
	*state = f;
	return 0;
}

void start_client(struct fixture *f, const char *tls_ca_file)
{
	smtp_client_free(&f->client);
	const struct smtp_client_options options = {.timeouts = &f->timeouts,
						    .tls_ca_file = tls_ca_file};
	struct why why;
	assert_int_equal(smtp_client_new(f->loop, &options, &f->client, &why), OK);
}

static void stop_server(struct fixture *f)
{
	if (f->server == 0)
		return;
	(void)kill(f->server, SIGKILL);
	(void)waitpid(f->server, NULL, 0);
	f->server = 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	smtp_client_free(&f->client);
	stop_server(f);
	for (unsigned i = 0; i < f->peer_count; i++) {
		stream_free(&f->peers[i].stream);
		buf_done(&f->peers[i].said);
	}
	listener_close(&f->listener);
	timer_free(&f->poll);
	loop_free(&f->loop);
	char command[100];
	(void)snprintf(command, sizeof command, "rm -r %s", f->folder);
	int result = system(command);
	free(f);
	return result;
}

/* ---- servers that are not ours ---- */

void make_certificate(struct fixture *f)
{
	(void)snprintf(f->certificate, sizeof f->certificate, "%s/certificate.pem", f->folder);
	(void)snprintf(f->key, sizeof f->key, "%s/key.pem", f->folder);
	char command[1024];
	(void)snprintf(command, sizeof command,
		       "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		       "-days 2 -subj /CN=mx.test -addext subjectAltName=DNS:mx.test "
		       "-keyout %s -out %s 2>/dev/null",
		       f->key, f->certificate);
	assert_int_equal(system(command), 0);
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static bool is_listening(const struct net_address *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	bool is_open = connect(fd, &address->sa.any, address->len) == 0;
	(void)close(fd);
	return is_open;
}

/* "%p" becomes the port. */
static void put_port(char *out, size_t size, const char *argument, uint16_t port)
{
	const char *place = strstr(argument, "%p");
	if (place)
		(void)snprintf(out, size, "%.*s%u%s", (int)(place - argument), argument, port,
			       place + 2);
	else
		(void)snprintf(out, size, "%s", argument);
}

void start_server(struct fixture *f, const char *const *arguments)
{
	static char texts[20][200];
	char *argv[21] = {NULL};
	uint16_t port = free_port();
	for (size_t i = 0; arguments[i]; i++) {
		assert_in_range(i, 0, 19);
		put_port(texts[i], sizeof texts[i], arguments[i], port);
		argv[i] = texts[i];
	}
	stop_server(f);
	f->server = fork();
	if (f->server == 0) {
		(void)execv(argv[0], argv);
		_exit(127);
	}
	assert_true(net_address_parse("127.0.0.1", port, &f->target.address));
	for (int i = 0; !is_listening(&f->target.address); i++) {
		assert_in_range(i, 0, 500);
		assert_int_equal(waitpid(f->server, NULL, WNOHANG), 0);
		(void)usleep(20000);
	}
}

/* ---- what tests do ---- */

static void run(struct fixture *f, bool (*condition)(struct fixture *f), int64_t limit_ms)
{
	f->condition = condition;
	f->deadline_ms = loop_now_ms(f->loop) + limit_ms;
	timer_start(f->poll, 0);
	loop_run(f->loop);
	timer_stop(f->poll);
}

void run_until(struct fixture *f, bool (*condition)(struct fixture *f))
{
	run(f, condition, 20000);
	assert_true(condition(f));
}

void run_for(struct fixture *f, int64_t duration_ms)
{
	run(f, NULL, duration_ms);
}

/* What the site asks for. */
struct tls_demand *demand_of(const struct fixture *f)
{
	return tls_demand_new(&(const struct tls_demand){
		.level = (enum smtp_tls)f->target.site->tls, .host_name = f->target.host_name});
}

void open_connection(struct fixture *f)
{
	f->holder = (struct holder){.gives_back = f->holder.gives_back, .quits = f->holder.quits};
	f->target.tls = demand_of(f);
	f->holder.connection = smtp_client_open(f->client, &f->target, &handler, f);
	tls_demand_unref(&f->target.tls);
	assert_non_null(f->holder.connection);
	assert_int_equal(f->holder.ended_count, 0);
}

void open_until_ready(struct fixture *f)
{
	open_connection(f);
	run_until(f, is_ready);
}

bool reuse_connection(struct fixture *f)
{
	f->holder = (struct holder){.gives_back = f->holder.gives_back, .quits = f->holder.quits};
	f->target.tls = demand_of(f);
	f->holder.connection = smtp_client_reuse(f->client, &f->target, &handler, f);
	tls_demand_unref(&f->target.tls);
	return f->holder.connection != NULL;
}

void send_mail(struct fixture *f)
{
	f->holder.done_count = f->holder.transaction_done_count = 0;
	assert_true(smtp_connection_may_go_on(f->holder.connection));
	smtp_connection_send(f->holder.connection, &f->mail);
	assert_int_equal(f->holder.done_count, 0);
}

void send_until_done(struct fixture *f)
{
	send_mail(f);
	run_until(f, is_done);
	assert_int_equal(f->holder.done_count, f->mail.recipient_count);
}

/* ---- what they check ---- */

void assert_result(const struct fixture *f, unsigned code)
{
	assert_int_equal(f->holder.outcome.kind, SMTP_REPLIED);
	assert_int_equal(f->holder.outcome.reply.code, code);
}

void assert_ended(const struct fixture *f, enum smtp_outcome_kind kind, enum smtp_step step,
		  enum err err)
{
	assert_int_equal(f->holder.ended_count, 1);
	assert_int_equal(f->holder.ended.kind, kind);
	assert_string_equal(smtp_step_name(f->holder.ended.step), smtp_step_name(step));
	assert_string_equal(err_text(f->holder.ended.err), err_text(err));
}

bool is_ready(struct fixture *f)
{
	return f->holder.ready_count > 0;
}

bool is_done(struct fixture *f)
{
	return f->holder.transaction_done_count > 0;
}

bool has_ended(struct fixture *f)
{
	return f->holder.ended_count > 0;
}

bool is_all_closed(struct fixture *f)
{
	return smtp_client_open_count(f->client) == 0;
}

bool are_peers_gone(struct fixture *f)
{
	for (unsigned i = 0; i < f->peer_count; i++)
		if (f->peers[i].stream)
			return false;
	return true;
}
