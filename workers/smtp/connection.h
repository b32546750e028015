/* Inside workers/smtp: what one connection and the set of them remember, and what client.c and connection.c ask of each other. */
#ifndef LEVERET_WORKERS_SMTP_CONNECTION_H
#define LEVERET_WORKERS_SMTP_CONNECTION_H

#include "lib/net/stream.h"
#include "workers/smtp/client.h"
#include "workers/smtp/contexts.h"
#include "workers/smtp/idle.h"

struct smtp_connection {
	struct smtp_client *client;
	LIST_ENTRY(smtp_connection) link;
	struct idle idle;
	struct smtp_session *session;
	struct stream *stream;
	struct timer *timer; /* the session's deadline; while idle, the end of that */
	struct timer *total; /* the end of a transaction's time */
	struct task task;    /* begins what the holder asked for */
	const struct smtp_session_handler *handler; /* NULL: nobody holds it */
	void *owner;
	char *host_name;
	struct tls_demand *tls;
	struct tls_context *const *tls_context; /* the client's */
	char tls_text[96];
	int64_t idle_ms, life_ms; /* limits of the site, as they were at the start */
	int64_t messages_max;	  /* and this one too, unless its holder allows something else */
	int64_t opened_at_ms, message_count;
	int64_t idle_since_ms;
	bool has_ended;
	bool is_watched; /* by who holds it */
	uint64_t number;

	const struct egress_proxy *proxy;  /* NULL: none */
	struct net_address target, source; /* that the proxy is told */
	bool is_dialing;
	struct dial dial;
};
LIST_HEAD(connection_list, smtp_connection);

struct smtp_client {
	struct loop *loop;
	const struct smtp_timeouts *timeouts;
	struct contexts *contexts;
	struct connection_list connections;
	struct idle_pool idle;
	size_t open_count;
	uint64_t last_number;
};

/* Connects; nobody holds it yet. */
struct smtp_connection *connection_open(struct smtp_client *client,
					const struct smtp_target *target);
/* All of it, without upcalls. */
void connection_dispose(struct smtp_connection *connection);

#endif
