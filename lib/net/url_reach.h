/* Where to connect for a URL that somebody else chose: its host is looked up, and only what may be reached is given, for a request that
 * goes there and nowhere else. Used on one loop. */
#ifndef LEVERET_LIB_NET_URL_REACH_H
#define LEVERET_LIB_NET_URL_REACH_H

#include "lib/net/resolver.h"
#include "lib/net/url_target.h"

struct url_reach_options { /* borrowed while it lives */
	struct loop *loop;
	struct resolver *resolver;
	const struct url_target *target;
	const struct conf_cidr_list *allowed; /* special addresses that may be reached */
};
struct url_reached {
	enum err err;	    /* E_REFUSED: special addresses only; E_NOT_FOUND: DNS knows none */
	const char *why;    /* of an error */
	const char *pinned; /* for http_call_options; NULL: the URL names the address itself */
};
struct url_reach;
/* `done` comes once, later; what it is given is borrowed until it returns. */
struct url_reach *url_reach_start(const struct url_reach_options *options,
				  void (*done)(void *owner, const struct url_reached *reached),
				  void *owner);
void url_reach_cancel(struct url_reach **reach); /* not from its done; NULL is accepted */

#endif
