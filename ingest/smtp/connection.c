/* One connection: joins a session to its stream and its timers. */
#include <stdlib.h>

#include "ingest/smtp/server_inner.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define INPUT_MAX  ((size_t)64 << 10)
#define OUTPUT_MAX ((size_t)64 << 10)

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

static void io_wipe(void *owner, struct bytes secret)
{
	struct connection *c = owner;
	stream_wipe_input(c->stream, secret);
}

static bool count(struct connection *c, const struct net_address *client)
{
	struct smtpd_server *server = c->server;
	c->is_counted =
		clients_enter(server->clients, client, server->options.connections_per_ip_max);
	c->counted = *client;
	return c->is_counted;
}

static void uncount(struct connection *c)
{
	if (c->is_counted)
		clients_leave(c->server->clients, &c->counted);
	c->is_counted = false;
}

static bool io_recount(void *owner, const struct net_address *client)
{
	struct connection *c = owner;
	uncount(c);
	return !client || count(c, client);
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
	.wipe = io_wipe,
	.recount = io_recount,
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

void smtpd_connection_begin(struct connection *c)
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

void smtpd_connection_free(struct connection *c, const struct why *why)
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
	uncount(c);
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
	smtpd_connection_free(c, why);
	if (server->is_stopping && !server->connections)
		loop_defer(server->loop, &server->drained);
}

static const struct stream_handler stream_upcalls = {
	.received = take_input,
	.drained = take_input,
	.secured = on_secured,
	.closed = on_closed,
};

struct connection *smtpd_connection_open(struct smtpd_server *server, int fd,
					 const struct net_address *remote, bool is_counted)
{
	static const struct stream_options stream_options = {.input_max_bytes = INPUT_MAX,
							     .output_max_bytes = OUTPUT_MAX};
	struct connection *c = memory_new(sizeof *c);
	c->server = server;
	c->remote = c->counted = *remote;
	c->is_counted = is_counted;
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
