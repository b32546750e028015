/* A byte queue with a maximum. The bytes are moved to the front only when that makes room, so that consuming is free. */
#include "lib/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_SMALL 4096 /* an empty buffer keeps no larger allocation */

void buf_init(struct buf *buf, size_t max_bytes)
{
	*buf = (struct buf){.max = max_bytes};
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){.max = buf->max};
}

struct bytes buf_bytes(const struct buf *buf)
{
	return buf->len > 0 ? bytes_from(buf->data + buf->start, buf->len) : BYTES_NONE;
}

size_t buf_room(const struct buf *buf)
{
	return buf->max - buf->len;
}

static void grow(struct buf *buf, size_t need)
{
	size_t capacity = buf->capacity > 0 ? buf->capacity : 256;
	while (capacity < need)
		capacity *= 2;
	if (capacity > buf->max && need <= buf->max)
		capacity = buf->max;
	uint8_t *data = malloc(capacity);
	if (!data)
		abort();
	if (buf->len > 0)
		memcpy(data, buf->data + buf->start, buf->len);
	free(buf->data);
	buf->data = data;
	buf->start = 0;
	buf->capacity = capacity;
}

uint8_t *buf_reserve(struct buf *buf, size_t want)
{
	assert(want <= buf_room(buf));
	if (buf->start + buf->len + want > buf->capacity) {
		if (buf->len + want > buf->capacity) {
			grow(buf, buf->len + want);
		} else {
			memmove(buf->data, buf->data + buf->start, buf->len);
			buf->start = 0;
		}
	}
	return buf->data + buf->start + buf->len;
}

void buf_commit(struct buf *buf, size_t count)
{
	assert(buf->start + buf->len + count <= buf->capacity);
	buf->len += count;
}

enum err buf_append(struct buf *buf, struct bytes b)
{
	if (b.len > buf_room(buf))
		return E_FULL;
	if (b.len > 0) {
		memcpy(buf_reserve(buf, b.len), b.data, b.len);
		buf_commit(buf, b.len);
	}
	return OK;
}

enum err buf_append_text(struct buf *buf, const char *text)
{
	return buf_append(buf, bytes_of(text));
}

enum err buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	enum err err = E_FULL;
	if (len >= 0 && (size_t)len < buf_room(buf)) { /* vsnprintf needs one more for its NUL */
		uint8_t *at = buf_reserve(buf, (size_t)len + 1);
		(void)vsnprintf((char *)at, (size_t)len + 1, format, again);
		buf_commit(buf, (size_t)len);
		err = OK;
	}
	va_end(again);
	return err;
}

void buf_consume(struct buf *buf, size_t count)
{
	assert(count <= buf->len);
	buf->start += count;
	buf->len -= count;
	if (buf->len == 0)
		buf->start = 0;
}

void buf_clear(struct buf *buf)
{
	buf->start = buf->len = 0;
	if (buf->capacity > BUF_SMALL) {
		free(buf->data);
		buf->data = NULL;
		buf->capacity = 0;
	}
}
