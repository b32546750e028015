/* A chain of blocks, newest first. Large allocations get a block of their own behind the newest, so that they do not waste it. */
#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define ARENA_BLOCK 4096

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) uint8_t data[];
};

struct arena {
	struct block *newest;
	size_t total;
};

static struct block *block_new(struct arena *arena, size_t size)
{
	struct block *block = malloc(sizeof *block + size);
	if (!block)
		abort();
	block->next = NULL;
	block->size = size;
	block->used = 0;
	arena->total += sizeof *block + size;
	return block;
}

struct arena *arena_new(void)
{
	struct arena *arena = memory_new(sizeof *arena);
	arena->newest = block_new(arena, ARENA_BLOCK - sizeof(struct block));
	return arena;
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	for (struct block *block = (*arena)->newest, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free(*arena);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	while (arena->newest->next) {
		struct block *gone = arena->newest;
		arena->newest = gone->next;
		arena->total -= sizeof *gone + gone->size;
		free(gone);
	}
	arena->newest->used = 0;
}

size_t arena_bytes(const struct arena *arena)
{
	return arena->total;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		abort();
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct block *block = arena->newest;
	if (size > block->size - block->used) {
		if (size > ARENA_BLOCK / 2) {
			struct block *large = block_new(arena, size);
			large->used = size;
			large->next = block->next;
			block->next = large;
			return large->data;
		}
		block = block_new(arena, ARENA_BLOCK - sizeof(struct block));
		block->next = arena->newest;
		arena->newest = block;
	}
	void *at = block->data + block->used;
	block->used += size;
	return at;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
	size_t bytes = 0;
	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	return memset(arena_alloc(arena, bytes > 0 ? bytes : 1), 0, bytes);
}

char *arena_cstr(struct arena *arena, struct bytes b)
{
	char *text = arena_alloc(arena, b.len + 1);
	if (b.len > 0)
		memcpy(text, b.data, b.len);
	text[b.len] = '\0';
	return text;
}

struct bytes arena_copy(struct arena *arena, struct bytes b)
{
	return bytes_from(arena_cstr(arena, b), b.len);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		abort();
	char *text = arena_alloc(arena, (size_t)len + 1);
	(void)vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}
