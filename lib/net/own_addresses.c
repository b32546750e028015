/* See own_addresses.h. */
#include "lib/net/own_addresses.h"

#include <ifaddrs.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"

static bool take(const struct sockaddr *from, struct net_address *ret)
{
	if (!from || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
		return false;
	*ret = (struct net_address){.len = from->sa_family == AF_INET ? sizeof ret->sa.v4
								      : sizeof ret->sa.v6};
	memcpy(&ret->sa, from, ret->len);
	return true;
}

size_t own_addresses(struct net_address **ret)
{
	struct ifaddrs *all = NULL;
	size_t count = 0;
	*ret = memory_array(OWN_ADDRESSES_MAX, sizeof **ret);
	if (getifaddrs(&all) != 0)
		return 0;
	for (struct ifaddrs *one = all; one && count < OWN_ADDRESSES_MAX; one = one->ifa_next)
		count += take(one->ifa_addr, &(*ret)[count]);
	freeifaddrs(all);
	return count;
}

bool own_address_is_usable(const struct net_address *address)
{
	int fd = socket(address->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool is_usable = bind(fd, &address->sa.any, address->len) == 0;
	(void)close(fd);
	return is_usable;
}
