/* The addresses of this host's interfaces, loopback too. Asks the kernel: not often. */
#ifndef LEVERET_LIB_NET_OWN_ADDRESSES_H
#define LEVERET_LIB_NET_OWN_ADDRESSES_H

#include "lib/net/address.h"

#define OWN_ADDRESSES_MAX 1000 /* further ones are not told */

/* *ret is the caller's, to free(); returns how many (none where the kernel does not say). Port 0. */
size_t own_addresses(struct net_address **ret);

/* A connection can be made from this address: this host has it, or lets itself be told that it has. */
bool own_address_is_usable(const struct net_address *address);

#endif
