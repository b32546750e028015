/* Socket addresses: IPv4 or IPv6 with a port. Passed by value. */
#ifndef LEVERET_LIB_NET_ADDRESS_H
#define LEVERET_LIB_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/err.h"

struct net_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa;
	socklen_t len; /* 0: no address */
};

/* "[2001:db8::1]:65535" and NUL */
#define NET_ADDRESS_SIZE 56
void net_address_text(const struct net_address *address,
		      char out[NET_ADDRESS_SIZE]); /* "192.0.2.1:25", "[::1]:25" */
void net_address_ip_text(const struct net_address *address,
			 char out[NET_ADDRESS_SIZE]); /* without port and brackets */
/* Parse "192.0.2.1:25", "[::1]:25", or an address alone with default_port; never resolves names. */
bool net_address_parse(const char *text, uint16_t default_port, struct net_address *ret);
uint16_t net_address_port(const struct net_address *address);
/* What one customer has, as bytes to look it up by: an IPv4 address (mapped ones too), or the /64 of an IPv6 one. Returns how many. */
#define NET_NETWORK_SIZE 9
size_t net_address_network(const struct net_address *address, uint8_t out[NET_NETWORK_SIZE]);
bool net_address_equal(const struct net_address *a, const struct net_address *b);
/* Loopback, private, link-local, unspecified, multicast, shared (100.64/10), documentation, and their v4-mapped and NAT64 forms:
 * what an MX of the public internet may not point to. */
bool net_address_is_special(const struct net_address *address);

#endif
