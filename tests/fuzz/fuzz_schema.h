/* What the fuzz targets of the schemas share: what decodes must encode, and mean the same after another round. */
#ifndef LEVERET_TESTS_FUZZ_FUZZ_SCHEMA_H
#define LEVERET_TESTS_FUZZ_FUZZ_SCHEMA_H

#include <stdlib.h>

#include "schemas/schemas.h"

#define FUZZ_OUT_MAX (64u << 20)

static inline void check(bool is_right)
{
	if (!is_right)
		abort();
}

/* The target: `parse` reads the input, `encode(value, out)` writes it, `decode` reads that. */
#define FUZZ_ROUND_TRIP(type, parse, encode, decode)                                               \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                               \
	{                                                                                          \
		struct arena *arena = arena_new();                                                 \
		struct type value, again;                                                          \
		struct why why;                                                                    \
		struct buf first, second;                                                          \
		buf_init(&first, FUZZ_OUT_MAX);                                                    \
		buf_init(&second, FUZZ_OUT_MAX);                                                   \
		if (parse(arena, bytes_from(data, size), &value, &why) == OK) {                    \
			check(encode(&value, &first) == OK);                                       \
			check(decode(arena, buf_bytes(&first), &again, &why) == OK);               \
			check(encode(&again, &second) == OK);                                      \
			check(bytes_equal(buf_bytes(&first), buf_bytes(&second)));                 \
		}                                                                                  \
		buf_done(&first);                                                                  \
		buf_done(&second);                                                                 \
		arena_free(&arena);                                                                \
		return 0;                                                                          \
	}

#endif
