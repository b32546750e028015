/* One SMTP listener: accepts connections, holds their number within limits, and joins each one's
 * session (protocol) to its stream (bytes) and timers. What may be mailed is for its owner to say,
 * through struct smtpd_server_handler. Lives on one loop. */
#ifndef LEVERET_INGEST_SMTP_SERVER_H
#define LEVERET_INGEST_SMTP_SERVER_H

#include "ingest/smtp/session.h"
#include "lib/loop/loop.h"
#include "lib/net/address.h"
#include "lib/net/tls.h"

struct smtpd_server_options { /* copied, but for the hostname */
	const char *name;     /* of the listener, for logs; borrowed */
	struct net_address address;
	unsigned connections_max, connections_per_ip_max;
	int64_t greeting_delay_ms;
	struct smtpd_session_options session;
};

struct smtpd_server_handler {
	/* For the next handshake, when the options ask for TLS; borrowed during the call. */
	struct tls_context *(*tls)(void *owner);
	/* TLS is on; tls_text is told in logs ("TLSv1.3 ..."), is_verified: the client showed a
	 * certificate that we trust. */
	void (*secured)(void *session_owner, const char *tls_text, bool is_verified);
	/* Does it say first, by the PROXY protocol, for whom it speaks? */
	bool (*is_proxy)(void *owner, const struct net_address *remote);
	/* May this client speak to us? An objection is sent instead of a greeting. */
	struct smtpd_reply (*client)(void *owner, const struct net_address *remote);
	/* A session begins; what is returned is the `owner` of its upcalls, until `closed`. */
	void *(*opened)(void *owner, struct smtpd_session *session,
			const struct net_address *remote);
	struct smtpd_handler session;
	void (*closed)(void *session_owner); /* the session is gone */
	void (*drained)(void *owner);	     /* stopping, and the last session ended */
};

struct smtpd_server;
enum err smtpd_server_open(struct loop *loop, const struct smtpd_server_options *options,
			   const struct smtpd_server_handler *handler, void *owner,
			   struct smtpd_server **ret, struct why *why) MUST_USE;
/* Take no new clients, let each session answer what it has; `drained` comes later, in any case. */
void smtpd_server_stop(struct smtpd_server *server);
void smtpd_server_free(struct smtpd_server **server); /* closes what is open */
const struct net_address *
smtpd_server_address(const struct smtpd_server *server); /* with the port it got */

#endif
