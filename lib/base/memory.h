/* Heap memory of owners that are no request: zeroed, and out of memory aborts (unsettled leases go back to the broker). */
#ifndef LEVERET_LIB_BASE_MEMORY_H
#define LEVERET_LIB_BASE_MEMORY_H

#include <stdlib.h>
#include <string.h>

static inline void *memory_new(size_t size)
{
	void *at = calloc(1, size > 0 ? size : 1);
	if (!at)
		abort();
	return at;
}

static inline void *memory_array(size_t count, size_t size)
{
	void *at = calloc(count > 0 ? count : 1, size);
	if (!at)
		abort();
	return at;
}

/* Room for count items, keeping what is there. Only for growing what has a maximum. */
static inline void *memory_grow(void *old, size_t count, size_t size)
{
	void *at = reallocarray(old, count > 0 ? count : 1, size);
	if (!at)
		abort();
	return at;
}

static inline char *memory_text(const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		abort();
	return copy;
}

#endif
