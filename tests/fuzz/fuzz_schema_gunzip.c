/* gzip never gives more than it may. The input is tried as it is, and as a member whose told length the fuzzer need not guess. */
#include <stdlib.h>
#include <string.h>

#include "schemas/schemas.h"

#define MAX_BYTES 65536

static void try(struct bytes in)
{
	struct arena *arena = arena_new();
	struct bytes out;
	struct why why;
	if (gunzip(arena, in, MAX_BYTES, &out, &why) == OK && out.len > MAX_BYTES)
		abort();
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try(bytes_from(data, size));
	if (size < 4)
		return 0;
	uint8_t *copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	memset(copy + size - 2, 0, 2);
	try(bytes_from(copy, size));
	free(copy);
	return 0;
}
