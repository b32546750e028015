/* The PROXY protocol, versions 1 and 2: what a load balancer says before the client's own bytes. Pure functions on outside bytes. */
#ifndef LEVERET_INGEST_SMTP_PROXY_H
#define LEVERET_INGEST_SMTP_PROXY_H

#include "lib/base/bytes.h"
#include "lib/net/address.h"

#define PROXY_HEADER_MAX 2048 /* with whatever version 2 adds behind the addresses */

enum proxy_verdict {
	PROXY_MORE,   /* so far it may be one */
	PROXY_BAD,    /* it is none */
	PROXY_CLIENT, /* *ret_client and *ret_used are told */
	PROXY_SELF, /* *ret_used is told: the balancer speaks for itself, or does not know for whom */
};
enum proxy_verdict proxy_parse(struct bytes in, struct net_address *ret_client, size_t *ret_used);

#endif
