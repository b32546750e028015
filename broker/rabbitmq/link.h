/* Keeps one connection to the broker open: host names, TCP, TLS, time limits, and connecting again
 * with jittered back-off over the list of hosts. */
#ifndef LEVERET_BROKER_RABBITMQ_LINK_H
#define LEVERET_BROKER_RABBITMQ_LINK_H

#include "broker/rabbitmq/connection.h"
#include "broker/rabbitmq/url.h"
#include "broker/settings.h"
#include "lib/loop/loop.h"
#include "lib/net/tls.h"

struct link;

struct link_options { /* borrowed */
	const struct broker_settings *settings;
	const struct url *url;
	struct tls_context *tls; /* for amqps */
	const char *name;	 /* shown by the broker's tools */
};

struct link_handler {
	void (*opened)(void *owner);
	void (*lost)(void *owner,
		     const struct why
			     *why); /* also a connecting that failed; channels were told before */
	void (*blocked)(void *owner, bool is_blocked, const char *reason);
	void (*drained)(void *owner); /* NULL allowed */
};

/* Starts at once. */
struct link *link_new(struct loop *loop, const struct link_options *options,
		      const struct link_handler *handler, void *owner);
/* What was written goes out, as far as the socket takes it at once, and the broker is told
 * good-bye. */
void link_free(struct link **link);
struct connection *link_connection(struct link *link);
const char *link_host(const struct link *link); /* the one in use, or tried last */

#endif
