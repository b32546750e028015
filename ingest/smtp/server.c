/* The server: a listener, who may come in, and balancers that first say for whom they speak. */
#include "ingest/smtp/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/smtp/proxy_reader.h"
#include "ingest/smtp/server_inner.h"
#include "lib/base/memory.h"
#include "lib/net/socket.h"
#include "lib/obs/log.h"

#define PROXY_MS 10000 /* for a balancer to say for whom it speaks */

struct proxied { /* a balancer that has not said yet for whom it speaks */
	struct smtpd_server *server;
	struct net_address remote;
	struct proxy_reader *reader;
	struct proxied *next, **link;
};

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

/* Who speaks for itself (a health check), or does not say for whom, is trusted, and not counted: these are not one client's. */
static struct smtpd_reply admit_proxied(struct smtpd_server *server, enum proxy_verdict verdict,
					const struct net_address *remote)
{
	if (verdict == PROXY_BAD)
		return (struct smtpd_reply){421, "4.3.5 PROXY protocol expected"};
	return verdict == PROXY_SELF ? SMTPD_NO_OBJECTION : admit(server, remote);
}

static void on_proxy_read(void *owner, enum proxy_verdict verdict, int fd,
			  const struct net_address *client)
{
	struct proxied *proxied = owner;
	struct smtpd_server *server = proxied->server;
	struct net_address remote = verdict == PROXY_CLIENT ? *client : proxied->remote;
	proxied_free(proxied);
	struct smtpd_reply objection = admit_proxied(server, verdict, &remote);
	bool is_counted = verdict == PROXY_CLIENT && !smtpd_objects(objection);
	struct connection *c = smtpd_connection_open(server, fd, &remote, is_counted);
	if (smtpd_objects(objection))
		refuse_proxied(c, objection);
	else
		smtpd_connection_begin(c);
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
	smtpd_connection_begin(smtpd_connection_open(server, fd, remote, true));
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
		smtpd_connection_free(c, NULL);
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
