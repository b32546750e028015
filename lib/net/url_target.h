/* Where a URL leads that somebody else chose, and whether we go there. Pure. */
#ifndef LEVERET_LIB_NET_URL_TARGET_H
#define LEVERET_LIB_NET_URL_TARGET_H

#include "lib/conf/conf.h"
#include "lib/net/address.h"

struct url_target {
	bool is_https;
	char host[256]; /* without brackets */
	uint16_t port;
	bool is_address;	    /* the host is an address: */
	struct net_address address; /* with the port */
};

/* Strict, so that nobody else reads another host in it: no user, no spellings of addresses but the usual ones. E_MALFORMED. */
enum err url_target_parse(const char *url, struct url_target *ret, struct why *why) MUST_USE;
/* Only public addresses, and those that are allowed. */
bool url_may_reach(const struct net_address *address, const struct conf_cidr_list *allowed);

#endif
