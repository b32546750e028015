/* Inside a server: shared by server.c (the listener, and who may come in), connection.c, and nobody else. */
#ifndef LEVERET_INGEST_SMTP_SERVER_INNER_H
#define LEVERET_INGEST_SMTP_SERVER_INNER_H

#include "ingest/smtp/clients.h"
#include "ingest/smtp/server.h"
#include "lib/net/stream.h"

#define FINISH_MS 5000 /* for a client to take the last reply */

/* Owns its stream, its session and its timers. Ends in one place, which the stream calls from the loop: never inside a call of the
 * session. */
struct connection {
	struct smtpd_server *server;
	struct net_address remote;
	struct stream *stream;
	struct smtpd_session *session; /* NULL: it is only told that it may not come in */
	void *session_owner;
	struct net_address counted; /* by `clients`, with is_counted */
	bool is_counted;
	struct timer *pause;
	struct timer *deadlines[SMTPD_DEADLINE_COUNT]; /* made when first wanted */
	struct timer *greeting;			       /* NULL: no delay */
	struct task resume;
	struct connection *next, **link;
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

/* ---- connection.c ---- */

/* Takes the socket; is_counted: by `clients`, as one of this address. */
struct connection *smtpd_connection_open(struct smtpd_server *server, int fd,
					 const struct net_address *remote, bool is_counted);
void smtpd_connection_free(struct connection *c, const struct why *why); /* why: NULL allowed */
void smtpd_connection_begin(struct connection *c);			 /* its session */

#endif
