/* One report on its way to the addresses that its domain gave, one after the other. Mail is on its way when the broker keeps it. Used on one
 * loop. */
#ifndef LEVERET_BOUNCER_TLSREPORTS_SENDING_H
#define LEVERET_BOUNCER_TLSREPORTS_SENDING_H

#include "bouncer/tlsreports/keep.h"
#include "broker/broker.h"
#include "lib/net/http_client.h"
#include "lib/net/resolver.h"

struct tls_sending_tools { /* borrowed */
	struct loop *loop;
	struct broker *broker;
	const struct routing *routing;
	struct resolver *resolver;
	struct http_client *client;
	const struct tls_keep *keep;
};
struct tls_sent {		/* what became of it */
	uint32_t done, refused; /* bits of addresses: sent to; nothing will come of */
	enum err err;		/* it cannot be made: too big, or nothing was counted */
};
struct tls_sending;
/* `done` comes once, later. Addresses whose bit is in `passed_over` are left out. */
struct tls_sending *tls_sending_start(const struct tls_sending_tools *tools, uint32_t day,
				      struct bytes domain, const struct tls_ruas *ruas,
				      uint32_t passed_over,
				      void (*done)(void *owner, const struct tls_sent *sent),
				      void *owner);
void tls_sending_cancel(struct tls_sending **sending); /* after broker_close(); NULL is accepted */

#endif
