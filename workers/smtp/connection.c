/* One connection: joins a session (what is said) to a stream (the bytes), a timer and whoever holds it. Fails only by `ended`.
 * Upcalls come from the loop. */
#include "workers/smtp/connection.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/net/tls.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define INPUT_MAX  ((size_t)16 << 10) /* some whole replies; one line is at most REPLY_LINE_MAX */
#define OUTPUT_MAX ((size_t)64 << 10) /* a body waits in the content, not here */

/* ---- what the session stands on ---- */

static enum err write_bytes(void *owner, struct bytes b)
{
	struct smtp_connection *c = owner;
	return stream_write(c->stream, b);
}

static void set_deadline(void *owner, int64_t delay_ms)
{
	struct smtp_connection *c = owner;
	if (c->idle.is_in)
		return; /* given back inside an upcall: the timer has its new work already */
	if (delay_ms > 0)
		timer_start(c->timer, delay_ms);
	else
		timer_stop(c->timer);
}

static void start_tls(void *owner)
{
	struct smtp_connection *c = owner;
	const struct tls_demand *tls = c->tls;
	struct tls_peer peer = {
		.host_name = tls->host_name,
		.names = &tls->domain,
		.name_count = tls->domain ? 1 : 0,
		.records = tls->records,
		.record_count = tls->record_count,
		.resume_key = c->idle.key,
	};
	if (tls->record_count > 0)
		peer.trust = TLS_TRUST_DANE;
	else if (tls->is_observed)
		peer.trust = TLS_TRUST_OBSERVED;
	stream_start_tls_with(c->stream, *c->tls_context, &peer);
}

static void finish(void *owner)
{
	struct smtp_connection *c = owner;
	stream_finish(c->stream, c->client->timeouts->quit);
}

static const struct smtp_io io = {write_bytes, set_deadline, start_tls, finish};

/* ---- what the session tells ---- */

static void tell_ready(void *owner)
{
	struct smtp_connection *c = owner;
	if (c->handler)
		c->handler->ready(c->owner);
}

static void tell_recipient_done(void *owner, size_t index, const struct smtp_outcome *outcome)
{
	struct smtp_connection *c = owner;
	if (c->handler)
		c->handler->recipient_done(c->owner, index, outcome);
}

static void tell_transaction_done(void *owner)
{
	struct smtp_connection *c = owner;
	timer_stop(c->total);
	if (c->handler)
		c->handler->transaction_done(c->owner);
}

static const char *outcome_text(const struct smtp_outcome *outcome)
{
	switch (outcome->kind) {
	case SMTP_NOT_SENT:
		return "failed";
	case SMTP_IN_DOUBT:
		return "in_doubt";
	case SMTP_REPLIED:
		break;
	}
	return reply_is_positive(&outcome->reply) ? "closed" : "refused";
}

static void log_end(const struct smtp_connection *c, const struct smtp_outcome *outcome)
{
	char remote[NET_ADDRESS_SIZE];
	net_address_text(c->proxy ? &c->target : stream_remote(c->stream), remote);
	log_event(EV_delivery_session_finished, F_TEXT("outcome", outcome_text(outcome)),
		  F_TEXT("host", c->host_name), F_TEXT("remote", remote),
		  F_TEXT("step", smtp_step_name(outcome->step)), F_INT("code", outcome->reply.code),
		  F_TEXT("text", outcome->reply.text), F_TEXT("tls", c->tls_text),
		  F_INT("transactions", c->message_count));
}

static void count_end(struct smtp_connection *c)
{
	c->has_ended = true;
	c->client->open_count--;
	metric_add(M_delivery_sessions_open, NULL, -1);
}

static void tell_ended(void *owner, const struct smtp_outcome *outcome)
{
	struct smtp_connection *c = owner;
	idle_remove(&c->idle);
	count_end(c);
	log_end(c, outcome);
	const struct smtp_session_handler *handler = c->handler;
	c->handler = NULL;
	if (handler)
		handler->ended(c->owner, outcome);
}

static void tell_said(void *owner, enum smtp_said kind, struct bytes text)
{
	const struct smtp_connection *c = owner;
	if (c->is_watched && c->handler && c->handler->said)
		c->handler->said(c->owner, kind, text);
}

static const struct smtp_session_handler session_handler = {
	.ready = tell_ready,
	.recipient_done = tell_recipient_done,
	.transaction_done = tell_transaction_done,
	.ended = tell_ended,
	.said = tell_said,
};

void connection_dispose(struct smtp_connection *c)
{
	if (!c->has_ended)
		count_end(c);
	LIST_REMOVE(c, link);
	idle_remove(&c->idle);
	idle_done(&c->idle);
	task_cancel(&c->task, c->client->loop);
	timer_free(&c->timer);
	timer_free(&c->total);
	stream_free(&c->stream);
	smtp_session_free(&c->session);
	tls_demand_unref(&c->tls);
	free(c->host_name);
	free(c);
}

/* ---- a proxy on the way ---- */

static void go_on_dialing(struct smtp_connection *c, enum dial_state state, struct buf *out,
			  const struct why *why)
{
	enum err err = stream_write(c->stream, buf_bytes(out));
	if (state == DIAL_WAITS && err == OK)
		return;
	c->is_dialing = false;
	timer_stop(c->timer);
	if (state == DIAL_DONE && err == OK)
		smtp_session_connected(c->session);
	else
		smtp_session_broken(c->session, E_REFUSED, why->text);
}

static void dial(struct smtp_connection *c)
{
	struct buf out;
	struct why why = {""};
	buf_init(&out, DIAL_OUTPUT_MAX);
	c->is_dialing = true;
	timer_start(c->timer, c->client->timeouts->connect);
	enum dial_state state = dial_start(&c->dial, c->proxy, &c->source, &c->target, &out, &why);
	go_on_dialing(c, state, &out, &why);
	buf_done(&out);
}

static void hear_proxy(struct smtp_connection *c)
{
	struct buf out;
	struct why why = {""};
	size_t used = 1;
	while (c->is_dialing && used > 0) {
		buf_init(&out, DIAL_OUTPUT_MAX);
		enum dial_state state =
			dial_received(&c->dial, stream_input(c->stream), &out, &used, &why);
		stream_consume(c->stream, used);
		go_on_dialing(c, state, &out, &why);
		buf_done(&out);
	}
}

/* ---- what the stream and the timer tell ---- */

static void on_connected(void *owner)
{
	struct smtp_connection *c = owner;
	tell_said(c, SMTP_SAID_CONNECTED, BYTES_NONE);
	if (c->proxy)
		dial(c);
	else
		smtp_session_connected(c->session);
}

static void on_received(void *owner)
{
	struct smtp_connection *c = owner;
	if (c->is_dialing)
		hear_proxy(c);
	if (c->is_dialing)
		return;
	size_t used = smtp_session_received(c->session, stream_input(c->stream));
	stream_consume(c->stream, used);
}

static void on_drained(void *owner)
{
	struct smtp_connection *c = owner;
	smtp_session_go_on(c->session);
}

static void tell_tls(struct smtp_connection *c)
{
	char peer[TLS_PEER_TEXT_SIZE], text[sizeof c->tls_text + TLS_PEER_TEXT_SIZE + 20];
	if (!c->is_watched)
		return;
	stream_tls_peer_text(c->stream, peer);
	(void)snprintf(text, sizeof text, "%s peer=%s", c->tls_text, peer);
	tell_said(c, SMTP_SAID_TLS, bytes_of(text));
}

static void on_secured(void *owner)
{
	struct smtp_connection *c = owner;
	(void)snprintf(c->tls_text, sizeof c->tls_text, "%s auth=%s", stream_tls_text(c->stream),
		       tls_demand_authentication(c->tls));
	tell_tls(c);
	smtp_session_secured(c->session);
}

static void on_closed(void *owner, enum err err, const struct why *why)
{
	struct smtp_connection *c = owner;
	smtp_session_broken(c->session, err, why->text);
	connection_dispose(c);
}

static const struct stream_handler stream_handler = {on_connected, on_received, on_drained,
						     on_secured, on_closed};

static void on_timer(void *owner)
{
	struct smtp_connection *c = owner;
	if (c->is_dialing) {
		c->is_dialing = false;
		smtp_session_broken(c->session, E_TIMEOUT, "the proxy did not answer");
	} else if (c->idle.is_in) {
		idle_remove(&c->idle);
		smtp_session_quit(c->session);
	} else {
		smtp_session_timed_out(c->session);
	}
}

static void on_total(void *owner)
{
	struct smtp_connection *c = owner;
	smtp_session_timed_out(c->session);
}

static void on_task(void *owner)
{
	struct smtp_connection *c = owner;
	smtp_session_go_on(c->session);
}

/* ---- the beginning ---- */

static struct smtp_session *session_new(struct smtp_connection *c, const struct smtp_target *target)
{
	struct smtp_session_options options = {.helo = target->helo,
					       .tls = (int)c->tls->level,
					       .timeouts = c->client->timeouts,
					       .chunking =
						       (enum smtp_chunking)target->site->chunking,
					       .requires_requiretls = target->require_tls};
	if (target->route) {
		options.is_lmtp = target->route->protocol == ROUTE_LMTP;
		options.has_implicit_tls = target->route->implicit_tls;
		options.user = target->route->user;
		options.password = target->route->password;
		options.may_auth_in_clear = target->route->auth_without_tls;
	}
	return smtp_session_new(&options, &io, &session_handler, c);
}

static struct smtp_connection *connection_new(struct smtp_client *client,
					      const struct smtp_target *target)
{
	const struct site_settings *site = target->site;
	struct smtp_connection *c = memory_new(sizeof *c);
	c->client = client;
	c->host_name = memory_text(target->host_name);
	c->tls = tls_demand_ref(target->tls);
	c->tls_context = contexts_find(client->contexts, site,
				       c->tls->level == SMTP_TLS_VERIFIED || c->tls->is_observed);
	c->idle_ms = site->connection_idle;
	c->life_ms = site->connection_life;
	c->messages_max = site->messages_per_connection;
	c->proxy = target->proxy;
	c->target = target->address;
	c->source = target->source;
	c->opened_at_ms = loop_now_ms(client->loop);
	c->number = ++client->last_number;
	c->task = (struct task){.run = on_task, .owner = c};
	c->timer = timer_new(client->loop, on_timer, c);
	c->total = timer_new(client->loop, on_total, c);
	idle_init(&c->idle, &client->idle, target);
	c->session = session_new(c, target);
	LIST_INSERT_HEAD(&client->connections, c, link);
	return c;
}

struct smtp_connection *connection_open(struct smtp_client *client,
					const struct smtp_target *target)
{
	static const struct stream_options options = {INPUT_MAX, OUTPUT_MAX};
	struct smtp_connection *c = connection_new(client, target);
	bool is_bound = target->source.len > 0 && !target->proxy;
	c->stream = stream_connect(client->loop,
				   target->proxy ? &target->proxy->address : &target->address,
				   is_bound ? &target->source : NULL, client->timeouts->connect,
				   &options, &stream_handler, c);
	client->open_count++;
	metric_add(M_delivery_sessions_open, NULL, 1);
	char remote[NET_ADDRESS_SIZE];
	net_address_text(&target->address, remote);
	log_event(EV_delivery_session_started, F_TEXT("host", c->host_name),
		  F_TEXT("remote", remote));
	return c;
}
