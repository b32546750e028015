/* Connections and who holds them. Owns them from open to the end of the socket, and the TLS contexts for as long as the client lives.
 *
 *   held <--> idle         give_back, reuse (which tries it with RSET when it was idle for long)
 *     |         |
 *     +----+----+--> ended --> closed         the session is over; what it had queued goes out; then all of it is freed
 *
 * Upcalls come from the loop, never from inside a smtp_client_ or smtp_connection_ call: what a holder asks for begins with a
 * task at the end of the turn. So a holder may call anything of client.h but smtp_client_free() inside an upcall. */
#include "workers/smtp/client.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "workers/smtp/connection.h"

#define IDLE_BRIEF_MS 5000 /* idle for longer, a session is tried with RSET before it is used */

/* ---- what holders ask for ---- */

struct smtp_connection *smtp_client_open(struct smtp_client *client,
					 const struct smtp_target *target,
					 const struct smtp_session_handler *handler, void *owner)
{
	struct smtp_connection *c = connection_open(client, target);
	c->handler = handler;
	c->owner = owner;
	return c;
}

static struct smtp_connection *of_idle(struct idle *idle)
{
	return (struct smtp_connection *)((char *)idle - offsetof(struct smtp_connection, idle));
}

struct smtp_connection *smtp_client_reuse(struct smtp_client *client,
					  const struct smtp_target *target,
					  const struct smtp_session_handler *handler, void *owner)
{
	struct idle like, *found;
	struct smtp_connection *c = NULL;
	idle_init(&like, &client->idle, target);
	while (!c && (found = idle_take(&client->idle, &like)) != NULL) {
		c = of_idle(found);
		if (smtp_connection_may_go_on(c))
			break;
		smtp_connection_quit(&c);
	}
	idle_done(&like);
	if (!c)
		return NULL;
	timer_stop(c->timer);
	c->handler = handler;
	c->owner = owner;
	smtp_session_resume(c->session,
			    loop_now_ms(client->loop) - c->idle_since_ms >= IDLE_BRIEF_MS);
	loop_defer(c->client->loop, &c->task);
	return c;
}

void smtp_connection_send(struct smtp_connection *c, const struct smtp_transaction *transaction)
{
	c->message_count++;
	timer_start(c->total, c->client->timeouts->transaction);
	smtp_session_send(c->session, transaction);
	loop_defer(c->client->loop, &c->task);
}

bool smtp_connection_may_go_on(const struct smtp_connection *c)
{
	return smtp_session_is_reusable(c->session) && c->message_count < c->messages_max &&
	       loop_now_ms(c->client->loop) - c->opened_at_ms < c->life_ms;
}

void smtp_connection_allow(struct smtp_connection *c, int64_t messages_max)
{
	c->messages_max = messages_max;
}

int64_t smtp_connection_message_count(const struct smtp_connection *c)
{
	return c->message_count;
}

bool smtp_connection_is_for(const struct smtp_connection *c, const struct smtp_target *target)
{
	struct idle like;
	idle_init(&like, &c->client->idle, target);
	bool is_same = idle_is_same(&c->idle, &like);
	idle_done(&like);
	return is_same && c->idle_ms > 0 && smtp_connection_may_go_on(c);
}

void smtp_connection_give_back(struct smtp_connection **connection)
{
	struct smtp_connection *c = *connection;
	if (!smtp_connection_may_go_on(c) || c->idle_ms == 0) {
		smtp_connection_quit(connection);
		return;
	}
	*connection = NULL;
	c->handler = NULL;
	smtp_connection_watch(c, false);
	c->idle_since_ms = loop_now_ms(c->client->loop);
	idle_put(&c->client->idle, &c->idle);
	timer_start(c->timer, c->idle_ms);
}

void smtp_connection_quit(struct smtp_connection **connection)
{
	struct smtp_connection *c = *connection;
	*connection = NULL;
	c->handler = NULL;
	smtp_session_quit(c->session);
}

const char *smtp_connection_tls(const struct smtp_connection *c)
{
	return c->tls_text;
}

const char *smtp_connection_esmtp(const struct smtp_connection *c)
{
	return smtp_session_capabilities(c->session)->keywords;
}

void smtp_connection_watch(struct smtp_connection *c, bool is_watched)
{
	c->is_watched = is_watched;
	smtp_session_watch(c->session, is_watched);
}

struct smtp_connection_view smtp_connection_view(const struct smtp_connection *c)
{
	return (struct smtp_connection_view){
		.number = c->number,
		.local = stream_local(c->stream),
		.age_ms = loop_now_ms(c->client->loop) - c->opened_at_ms,
		.message_count = c->message_count,
		.step = smtp_session_step(c->session),
	};
}

enum tls_fault smtp_connection_fault(const struct smtp_connection *c)
{
	return stream_tls_fault(c->stream);
}

struct net_address smtp_connection_source(const struct smtp_connection *c)
{
	return c->proxy ? c->source : *stream_local(c->stream);
}

size_t smtp_client_open_count(const struct smtp_client *client)
{
	return client->open_count;
}

/* ---- the client ---- */

enum err smtp_client_new(struct loop *loop, const struct smtp_client_options *options,
			 struct smtp_client **ret, struct why *why)
{
	struct smtp_client *client = memory_new(sizeof *client);
	client->loop = loop;
	client->timeouts = options->timeouts;
	LIST_INIT(&client->connections);
	idle_pool_init(&client->idle);
	enum err err =
		contexts_new(loop, options->sites, options->tls_ca_file, &client->contexts, why);
	if (err != OK) {
		smtp_client_free(&client);
		return err;
	}
	*ret = client;
	return OK;
}

void smtp_client_free(struct smtp_client **client)
{
	struct smtp_client *gone = *client;
	if (!gone)
		return;
	*client = NULL;
	struct smtp_connection *next;
	for (struct smtp_connection *c = LIST_FIRST(&gone->connections); c; c = next) {
		next = LIST_NEXT(c, link);
		connection_dispose(c);
	}
	contexts_free(&gone->contexts);
	free(gone);
}
