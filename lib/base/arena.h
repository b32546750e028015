/* Memory of one request: many allocations, freed once. Not thread safe. Out of memory aborts. */
#ifndef LEVERET_LIB_BASE_ARENA_H
#define LEVERET_LIB_BASE_ARENA_H

#include <stddef.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena **arena);
void arena_reset(struct arena *arena);	       /* frees what was allocated, keeps the first block */
size_t arena_bytes(const struct arena *arena); /* allocated from the system */

void *arena_alloc(struct arena *arena, size_t size); /* aligned for any type, not zeroed */
void *arena_zalloc(struct arena *arena, size_t count,
		   size_t size);		       /* zeroed array; overflow aborts */
char *arena_cstr(struct arena *arena, struct bytes b); /* NUL-terminated copy */
struct bytes arena_copy(struct arena *arena, struct bytes b);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
