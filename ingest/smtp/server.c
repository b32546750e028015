/* The server: a listener and its connections. A connection owns its stream, its session and its
 * timers, and ends in one place, on_closed, which the stream calls from the loop: never inside a
 * call of the session. */
#include "ingest/smtp/server.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ingest/smtp/clients.h"
#include "ingest/smtp/proxy_reader.h"
#include "lib/base/memory.h"
#include "lib/net/socket.h"
#include "lib/net/stream.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define INPUT_MAX  ((size_t)64 << 10)
#define OUTPUT_MAX ((size_t)64 << 10)
#define PROXY_MS   10000 /* for a balancer to say for whom it speaks */
#define FINISH_MS  5000	 /* for a client to take the last reply */

struct connection {
	struct smtpd_server *server;
	struct net_address remote;
	struct stream *stream;
	struct smtpd_session *session; /* NULL: it is only told that it may not come in */
	void *session_owner;
	bool is_counted; /* by `clients` */
	struct timer *pause;
	struct timer *deadlines[SMTPD_DEADLINE_COUNT]; /* made when first wanted */
	struct timer *greeting;			       /* NULL: no delay */
	struct task resume;
	struct connection *next, **link;
};

struct proxied { /* a balancer that has not said yet for whom it speaks */
	struct smtpd_server *server;
	struct net_address remote;
	struct proxy_reader *reader;
	struct proxied *next, **link;
};

struct smtpd_server {
	struct loop *loop;
	struct smtpd_server_options options;
	const struct smtpd_server_handler *handler;
	void *owner;
	struct listener *listener;
	struct clients *clients;
	struct connection *connections;
	struct proxied *proxied;
	unsigned connection_count; /* of both */
	bool is_stopping;
	struct task drained;
};

/* ---- what the session stands on ---- */

static void io_write(void *owner, struct bytes b)
{
	struct connection *c = owner;
	/* Room was seen to before the command; what the stream refuses nonetheless, it refuses
	 * because it is ending. */
	enum err err = stream_write(c->stream, b);
	(void)err;
}

static size_t io_output_room(void *owner)
{
	const struct connection *c = owner;
	return OUTPUT_MAX - stream_unsent(c->stream);
}

static void on_deadline(void *owner)
{
	struct connection *c = owner;
	if (c->session)
		smtpd_session_timed_out(c->session);
	else
		stream_finish(c->stream, FINISH_MS);
}

static void io_deadline(void *owner, enum smtpd_deadline which, int64_t delay_ms)
{
	struct connection *c = owner;
	if (!c->deadlines[which] && delay_ms > 0)
		c->deadlines[which] = timer_new(c->server->loop, on_deadline, c);
	if (delay_ms > 0)
		timer_start(c->deadlines[which], delay_ms);
	else if (c->deadlines[which])
		timer_stop(c->deadlines[which]);
}

static void io_resume(void *owner)
{
	struct connection *c = owner;
	loop_defer(c->server->loop, &c->resume);
}

static void io_close(void *owner)
{
	struct connection *c = owner;
	stream_finish(c->stream, FINISH_MS);
}

static void io_start_tls(void *owner)
{
	struct connection *c = owner;
	struct smtpd_server *server = c->server;
	stream_start_tls(c->stream, server->handler->tls(server->owner), NULL);
}

static int64_t io_wall_ms(void *owner)
{
	const struct connection *c = owner;
	return loop_wall_ms(c->server->loop);
}

static void on_pause_ended(void *owner)
{
	struct connection *c = owner;
	smtpd_session_resume(c->session);
}

static void io_pause(void *owner, int64_t delay_ms)
{
	struct connection *c = owner;
	if (!c->pause)
		c->pause = timer_new(c->server->loop, on_pause_ended, c);
	timer_start(c->pause, delay_ms);
}

static const struct smtpd_io session_io = {
	.write = io_write,
	.output_room = io_output_room,
	.deadline = io_deadline,
	.resume = io_resume,
	.close = io_close,
	.start_tls = io_start_tls,
	.wall_ms = io_wall_ms,
	.pause = io_pause,
};

/* ---- one connection ---- */

static bool is_open(const struct connection *c)
{
	return c->session && smtpd_session_outcome(c->session) == SMTPD_OUTCOME_OPEN;
}

/* While a message waits for its answer nothing is read, not even the end of the input: a client that closes its sending side after the
 * final dot still gets its 250. */
static void take_input(void *owner)
{
	struct connection *c = owner;
	if (!c->session)
		return;
	struct bytes in = stream_input(c->stream);
	size_t used = in.len > 0 ? smtpd_session_received(c->session, in) : 0;
	/* An ended session has the stream finishing, which threw the input away itself. */
	if (!is_open(c))
		return;
	stream_consume(c->stream, used);
	stream_pause(c->stream, smtpd_session_is_waiting(c->session));
}

static void greet(void *owner)
{
	struct connection *c = owner;
	smtpd_session_start(c->session);
	io_resume(c);
}

static void begin_greeting(struct connection *c)
{
	if (c->server->options.greeting_delay_ms > 0) {
		c->greeting = timer_new(c->server->loop, greet, c);
		timer_start(c->greeting, c->server->options.greeting_delay_ms);
	} else {
		greet(c);
	}
}

static void on_secured(void *owner)
{
	struct connection *c = owner;
	bool is_implicit = c->server->options.session.tls == SMTPD_TLS_IMPLICIT;
	if (!is_open(c))
		return;
	smtpd_session_secured(c->session);
	c->server->handler->secured(c->session_owner, stream_tls_text(c->stream),
				    stream_tls_peer_is_verified(c->stream));
	if (is_implicit)
		begin_greeting(c);
}

static void begin_session(struct connection *c)
{
	struct smtpd_server *server = c->server;
	char ip[NET_ADDRESS_SIZE];
	net_address_ip_text(&c->remote, ip);
	log_event(EV_smtp_session_started, F_TEXT("listener", server->options.name),
		  F_TEXT("client", ip));
	/* The session and its owner know each other, so the owner is filled in by `opened`. */
	c->session = smtpd_session_new(&server->options.session, &session_io, c,
				       &server->handler->session, NULL);
	c->session_owner = server->handler->opened(server->owner, c->session, &c->remote);
	smtpd_session_set_owner(c->session, c->session_owner);
	if (server->options.session.tls == SMTPD_TLS_IMPLICIT)
		smtpd_session_start_tls(c->session);
	else
		begin_greeting(c);
}

static void log_finished(const struct connection *c, const struct why *why)
{
	char ip[NET_ADDRESS_SIZE];
	enum smtpd_outcome outcome = smtpd_session_outcome(c->session);
	bool is_lost = outcome == SMTPD_OUTCOME_LOST || outcome == SMTPD_OUTCOME_TLS;
	net_address_ip_text(&c->remote, ip);
	log_event(EV_smtp_session_finished, F_TEXT("outcome", smtpd_outcome_name(outcome)),
		  F_TEXT("listener", c->server->options.name), F_TEXT("client", ip),
		  F_TEXT("helo", smtpd_session_helo(c->session)),
		  F_INT("messages", smtpd_session_message_count(c->session)),
		  F_BOOL("early", smtpd_session_was_early(c->session)),
		  F_TEXT("tls", stream_tls_text(c->stream)),
		  F_TEXT("why", is_lost && why ? why->text : ""));
}

static void connection_free(struct connection *c, const struct why *why)
{
	struct smtpd_server *server = c->server;
	if (c->session) {
		smtpd_session_lost(c->session); /* if nothing ended it before */
		log_finished(c, why);
		server->handler->closed(c->session_owner);
		smtpd_session_free(&c->session);
	}
	stream_free(&c->stream);
	for (size_t i = 0; i < SMTPD_DEADLINE_COUNT; i++)
		timer_free(&c->deadlines[i]);
	timer_free(&c->greeting);
	timer_free(&c->pause);
	task_cancel(&c->resume, server->loop);
	if (c->is_counted)
		clients_leave(server->clients, &c->remote);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
	server->connection_count--;
	metric_add(M_smtp_sessions_open, NULL, -1);
}

static void on_closed(void *owner, enum err err, const struct why *why)
{
	(void)err;
	struct connection *c = owner;
	struct smtpd_server *server = c->server;
	connection_free(c, why);
	if (server->is_stopping && !server->connections)
		loop_defer(server->loop, &server->drained);
}

static const struct stream_handler stream_upcalls = {
	.received = take_input,
	.drained = take_input,
	.secured = on_secured,
	.closed = on_closed,
};

static struct connection *connection_open(struct smtpd_server *server, int fd,
					  const struct net_address *remote)
{
	static const struct stream_options stream_options = {.input_max_bytes = INPUT_MAX,
							     .output_max_bytes = OUTPUT_MAX};
	struct connection *c = memory_new(sizeof *c);
	c->server = server;
	c->remote = *remote;
	c->resume = (struct task){.run = take_input, .owner = c};
	c->next = server->connections;
	c->link = &server->connections;
	if (c->next)
		c->next->link = &c->next;
	server->connections = c;
	server->connection_count++;
	metric_add(M_smtp_sessions_open, NULL, 1);
	c->stream = stream_adopt(server->loop, fd, &stream_options, &stream_upcalls, c);
	return c;
}

/* ---- the listener ---- */

/* Instead of a session: say why, and hang up. A new socket takes a line without waiting. */
static void turn_away(int fd, struct smtpd_reply objection)
{
	struct buf line;
	struct why why;
	size_t sent = 0;
	buf_init(&line, SMTPD_REPLY_MAX);
	socket_prepare(fd);
	if (buf_printf(&line, "%u %s\r\n", objection.code, objection.text) == OK &&
	    socket_write(fd, buf_bytes(&line), &sent, &why) == OK)
		(void)shutdown(fd, SHUT_WR);
	buf_done(&line);
	(void)close(fd);
}

/* May one more session begin? Without objection it was counted. */
static struct smtpd_reply admit(struct smtpd_server *server, const struct net_address *remote)
{
	struct smtpd_reply objection = server->handler->client(server->owner, remote);
	if (smtpd_objects(objection))
		return objection;
	if (!clients_enter(server->clients, remote, server->options.connections_per_ip_max))
		return (struct smtpd_reply){421, "4.7.0 too many connections from your address"};
	return SMTPD_NO_OBJECTION;
}

static void log_refused(const struct smtpd_server *server, const struct net_address *remote,
			struct smtpd_reply objection)
{
	char ip[NET_ADDRESS_SIZE];
	net_address_ip_text(remote, ip);
	log_event(EV_smtp_session_finished, F_TEXT("outcome", "refused"),
		  F_TEXT("listener", server->options.name), F_TEXT("client", ip),
		  F_INT("code", objection.code), F_TEXT("why", objection.text));
}

/* A balancer's connection: whom it speaks for may be sent away only in words of SMTP. */
static void refuse_proxied(struct connection *c, struct smtpd_reply objection)
{
	char line[SMTPD_REPLY_MAX];
	int len = snprintf(line, sizeof line, "%u %s\r\n", objection.code, objection.text);
	log_refused(c->server, &c->remote, objection);
	if (c->server->options.session.tls != SMTPD_TLS_IMPLICIT)
		(void)!stream_write(c->stream, bytes_from(line, (size_t)len));
	stream_finish(c->stream, FINISH_MS);
}

static void proxied_free(struct proxied *proxied)
{
	proxied->server->connection_count--;
	*proxied->link = proxied->next;
	if (proxied->next)
		proxied->next->link = proxied->link;
	proxy_reader_free(&proxied->reader);
	free(proxied);
}

static void on_proxy_read(void *owner, enum proxy_verdict verdict, int fd,
			  const struct net_address *client)
{
	struct proxied *proxied = owner;
	struct smtpd_server *server = proxied->server;
	struct smtpd_reply objection = {421, "4.3.5 PROXY protocol expected"};
	struct net_address remote = verdict == PROXY_CLIENT ? *client : proxied->remote;
	proxied_free(proxied);
	if (verdict != PROXY_BAD)
		objection = admit(server, &remote);
	struct connection *c = connection_open(server, fd, &remote);
	c->is_counted = !smtpd_objects(objection);
	if (smtpd_objects(objection))
		refuse_proxied(c, objection);
	else
		begin_session(c);
}

static void wait_for_header(struct smtpd_server *server, int fd, const struct net_address *remote)
{
	struct proxied *proxied = memory_new(sizeof *proxied);
	proxied->server = server;
	proxied->remote = *remote;
	proxied->next = server->proxied;
	proxied->link = &server->proxied;
	if (proxied->next)
		proxied->next->link = &proxied->next;
	server->proxied = proxied;
	server->connection_count++;
	socket_prepare(fd);
	proxied->reader = proxy_reader_new(server->loop, fd, PROXY_MS, on_proxy_read, proxied);
}

static void on_accepted(void *owner, int fd, const struct net_address *remote)
{
	struct smtpd_server *server = owner;
	bool is_proxy = server->handler->is_proxy(server->owner, remote);
	struct smtpd_reply objection = SMTPD_NO_OBJECTION;
	if (server->connection_count >= server->options.connections_max)
		objection = (struct smtpd_reply){421, "4.3.2 too many connections"};
	else if (!is_proxy)
		objection = admit(server, remote);
	if (smtpd_objects(objection)) {
		log_refused(server, remote, objection);
		turn_away(fd, objection);
		return;
	}
	if (is_proxy) {
		wait_for_header(server, fd, remote);
		return;
	}
	struct connection *c = connection_open(server, fd, remote);
	c->is_counted = true;
	begin_session(c);
}

static void on_drained(void *owner)
{
	struct smtpd_server *server = owner;
	if (!server->connections && !server->proxied)
		server->handler->drained(server->owner);
}

enum err smtpd_server_open(struct loop *loop, const struct smtpd_server_options *options,
			   const struct smtpd_server_handler *handler, void *owner,
			   struct smtpd_server **ret, struct why *why)
{
	struct smtpd_server *server = memory_new(sizeof *server);
	server->loop = loop;
	server->options = *options;
	server->handler = handler;
	server->owner = owner;
	server->drained = (struct task){.run = on_drained, .owner = server};
	server->clients = clients_new();
	enum err err =
		listener_open(loop, &options->address, on_accepted, server, &server->listener, why);
	if (err == OK)
		*ret = server;
	else
		smtpd_server_free(&server);
	return err;
}

void smtpd_server_stop(struct smtpd_server *server)
{
	server->is_stopping = true;
	listener_close(&server->listener);
	while (server->proxied)
		proxied_free(server->proxied);
	for (struct connection *c = server->connections; c; c = c->next)
		if (c->session)
			smtpd_session_stop(c->session);
	loop_defer(server->loop, &server->drained);
}

void smtpd_server_free(struct smtpd_server **server)
{
	struct smtpd_server *s = *server;
	if (!s)
		return;
	listener_close(&s->listener);
	while (s->proxied)
		proxied_free(s->proxied);
	for (struct connection *c = s->connections, *next; c; c = next) {
		next = c->next;
		connection_free(c, NULL);
	}
	task_cancel(&s->drained, s->loop);
	clients_free(&s->clients);
	free(s);
	*server = NULL;
}

const struct net_address *smtpd_server_address(const struct smtpd_server *server)
{
	return listener_address(server->listener);
}
