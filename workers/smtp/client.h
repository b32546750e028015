/* The worker's SMTP connections: opens them, runs transactions on them, keeps idle ones a short while for reuse. Joins
 * smtp_session (protocol) to stream (bytes), timers and TLS. Decides nothing about mail. Lives on one loop.
 *
 * Reuse key: source address, proxy, EHLO name, remote address, host name, what is demanded of TLS, route (and so its login). Whoever holds a
 * connection gives it back or quits it.
 * Upcalls come from the loop, never from inside a call of this header, and all of its calls but smtp_client_free() may be made
 * inside an upcall. An idle connection that the remote closes is gone without a word. */
#ifndef LEVERET_WORKERS_SMTP_CLIENT_H
#define LEVERET_WORKERS_SMTP_CLIENT_H

#include "lib/loop/loop.h"
#include "lib/net/address.h"
#include "lib/routing/routing.h"
#include "workers/smtp/dial.h"
#include "workers/smtp/session.h"

struct smtp_client;
struct smtp_client_options {
	const struct smtp_timeouts *timeouts;
	const char *tls_ca_file;	/* for `verified`; NULL or "": the system's */
	const struct conf_items *sites; /* whose certificates are shown; NULL: none; borrowed */
};
enum err smtp_client_new(struct loop *loop, const struct smtp_client_options *options,
			 struct smtp_client **ret, struct why *why) MUST_USE;
void smtp_client_free(struct smtp_client **client); /* closes what is open, without upcalls */

struct smtp_target { /* copied */
	struct net_address address;
	/* MX host: SNI, certificate name, results; of a fixed address, its text. Never NULL. */
	const char *host_name;
	struct net_address source;	  /* len 0: the system's choice */
	const struct egress_proxy *proxy; /* NULL: straight; lives as long as the client */
	const char *helo;
	const struct site_settings
		*site; /* limits: idle, life, messages per connection; certificate */
	const struct route_settings *route; /* protocol, login; NULL: an MX host */
	struct tls_demand *tls;		    /* never NULL; a reference is taken */
	bool require_tls; /* only hosts that offer REQUIRETLS; `tls` asks for a verified host */
};

struct smtp_connection;
/* Upcalls to whoever holds the connection; see struct smtp_session_handler (a static table). After `ended` the connection is gone. A
 * connection that cannot be opened ends with step CONNECT. */
struct smtp_connection *smtp_client_open(struct smtp_client *client,
					 const struct smtp_target *target,
					 const struct smtp_session_handler *handler, void *owner);
/* An idle connection with the same key, now held by `owner`; `ready` comes. NULL when there is none. One that turns out to be dead at the
 * first command ends with SMTP_NOT_SENT: nothing is lost, open a new one. */
struct smtp_connection *smtp_client_reuse(struct smtp_client *client,
					  const struct smtp_target *target,
					  const struct smtp_session_handler *handler, void *owner);

/* Only while smtp_connection_may_go_on(). */
void smtp_connection_send(struct smtp_connection *connection,
			  const struct smtp_transaction *transaction);
/* May take another transaction: ready, session reusable, not over messages_per_connection nor connection_life. */
bool smtp_connection_may_go_on(const struct smtp_connection *connection);
/* So many transactions at the most instead of what the site's settings say, from now on. */
void smtp_connection_allow(struct smtp_connection *connection, int64_t messages_max);
int64_t smtp_connection_message_count(const struct smtp_connection *connection);
/* Given back, it would be reused for this target. */
bool smtp_connection_is_for(const struct smtp_connection *connection,
			    const struct smtp_target *target);
/* Idle for connection_idle, then QUIT; at once if it may not go on. No more upcalls. */
void smtp_connection_give_back(struct smtp_connection **connection);
/* QUIT without waiting for it; a transaction under way is given up, its content free to go at once. No more upcalls. */
void smtp_connection_quit(struct smtp_connection **connection);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384 auth=dane"; "" in the clear. Borrowed. */
const char *smtp_connection_tls(const struct smtp_connection *connection);
/* "PIPELINING,SIZE,8BITMIME": what the host offered last; "" before. Borrowed. */
const char *smtp_connection_esmtp(const struct smtp_connection *connection);
/* For who holds it: `said` comes from now on, or no more. It ends when the connection is given back or quit. */
void smtp_connection_watch(struct smtp_connection *connection, bool is_watched);
struct smtp_connection_view {		 /* borrowed */
	uint64_t number;		 /* counts the client's connections */
	const struct net_address *local; /* len 0: not connected yet */
	int64_t age_ms, message_count;
	enum smtp_step step; /* that it is at */
};
struct smtp_connection_view smtp_connection_view(const struct smtp_connection *connection);
/* Of the host's certificate; also while it `ended`. */
enum tls_fault smtp_connection_fault(const struct smtp_connection *connection);
/* What the remote sees us come from: len 0 where a proxy chose. */
struct net_address smtp_connection_source(const struct smtp_connection *connection);
size_t smtp_client_open_count(const struct smtp_client *client); /* idle ones too */

#endif
