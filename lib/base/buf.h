/* A growing byte queue: append at the end, consume at the front. Its maximum is set at birth, because what a network
 * can grow must not grow without end; passing it is E_FULL, never an abort. Out of memory aborts. */
#ifndef LEVERET_LIB_BASE_BUF_H
#define LEVERET_LIB_BASE_BUF_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct buf {
	uint8_t *data; /* allocation */
	size_t start;  /* consumed bytes at the front */
	size_t len;    /* bytes held */
	size_t capacity;
	size_t max; /* bytes it may hold */
};

void buf_init(struct buf *buf, size_t max_bytes);
void buf_done(struct buf *buf);
struct bytes buf_bytes(const struct buf *buf);		       /* borrowed until the next call */
size_t buf_room(const struct buf *buf);			       /* bytes until max */
enum err buf_append(struct buf *buf, struct bytes b) MUST_USE; /* all or nothing: E_FULL past max */
enum err buf_append_text(struct buf *buf, const char *text) MUST_USE;
enum err buf_printf(struct buf *buf, const char *format, ...) MUST_USE PRINTF_LIKE(2, 3);
void buf_consume(struct buf *buf, size_t count); /* count <= len */
void buf_clear(struct buf *buf); /* keeps a small allocation, gives back a large one */

/* Room for at least `want` bytes to be written in place (want <= room, asserted), then say how many were. */
uint8_t *buf_reserve(struct buf *buf, size_t want);
void buf_commit(struct buf *buf, size_t count);

#endif
