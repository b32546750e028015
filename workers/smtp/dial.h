/* What is said to an egress proxy before the remote host speaks: SOCKS5 (RFC 1928, RFC 1929), or the PROXY header, version 2 (the haproxy
 * document). Pure. A SOCKS5 proxy chooses the address that mail leaves from, by its listener or the user; one that reads the PROXY
 * header is told it. */
#ifndef LEVERET_WORKERS_SMTP_DIAL_H
#define LEVERET_WORKERS_SMTP_DIAL_H

#include "lib/base/buf.h"
#include "lib/net/address.h"
#include "lib/routing/routing.h"

struct egress_proxy {
	struct net_address address; /* len 0: none */
	enum source_proxy kind;
	const char *user, *password; /* of SOCKS5; "" without */
};

#define DIAL_OUTPUT_MAX 600 /* bytes said at one time */

enum dial_state { DIAL_WAITS, DIAL_DONE, DIAL_FAILED };
struct dial {
	const struct egress_proxy *proxy;
	struct net_address target;
	enum { DIAL_METHOD, DIAL_LOGIN, DIAL_CONNECT } step;
};

/* Begins: what is to be said is appended. source: len 0 where the system chooses. DIAL_FAILED: addresses that cannot be said. */
enum dial_state dial_start(struct dial *dial, const struct egress_proxy *proxy,
			   const struct net_address *source, const struct net_address *target,
			   struct buf *out, struct why *why);
/* *ret_used: bytes that were the proxy's; what follows them is the remote host's. */
enum dial_state dial_received(struct dial *dial, struct bytes in, struct buf *out, size_t *ret_used,
			      struct why *why);

#endif
