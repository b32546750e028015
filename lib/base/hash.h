/* FNV-1a, for tables and for names that must stay equal when they are cut. Not for secrets. From a random start, who does not know it
 * cannot fill one bucket; from HASH_START, the same bytes give the same hash everywhere and always. */
#ifndef LEVERET_LIB_BASE_HASH_H
#define LEVERET_LIB_BASE_HASH_H

#include "lib/base/bytes.h"

#define HASH_START 0xcbf29ce484222325U

static inline uint64_t hash_bytes(uint64_t start, struct bytes b)
{
	uint64_t hash = start;
	for (size_t i = 0; i < b.len; i++)
		hash = (hash ^ b.data[i]) * 0x100000001b3U;
	return hash;
}

#endif
