/* Zeroed memory for the small structs of this folder. Out of memory aborts (CODING.md: leases go back by themselves). */
#ifndef LEVERET_LIB_NET_MEMORY_H
#define LEVERET_LIB_NET_MEMORY_H

#include <stdlib.h>

static inline void *zeroed(size_t size)
{
	void *at = calloc(1, size);
	if (!at)
		abort();
	return at;
}

#endif
