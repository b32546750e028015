#include "fixture_schemas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->arena = arena_new();
	buf_init(&f->out, 64u << 20);
	*state = f;
	return 0;
}

int fixture_tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	buf_done(&f->out);
	free(f);
	return 0;
}

struct bytes golden_of(struct fixture *f, const char *version, const char *name)
{
	char path[1024];
	(void)snprintf(path, sizeof path, "%s/tests/golden/%s/%s", LEVERET_SOURCE_DIR, version,
		       name);
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("cannot open %s", path);
	uint8_t *data = arena_alloc(f->arena, 65536);
	size_t len = fread(data, 1, 65536, file);
	(void)fclose(file);
	return bytes_from(data, len);
}

struct bytes golden(struct fixture *f, const char *name)
{
	return golden_of(f, "v1", name);
}

void assert_bytes_are(struct bytes b, const char *text)
{
	if (!bytes_is(b, text))
		fail_msg("got \"%.*s\", wanted \"%s\"", BYTES_ARGS(b), text);
}

void put_raw(struct buf *out, struct bytes b)
{
	assert_int_equal(buf_append(out, b), OK);
}

static void put_varint(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_raw(out, bytes_from(&(uint8_t){(uint8_t)(value | 0x80)}, 1));
	put_raw(out, bytes_from(&(uint8_t){(uint8_t)value}, 1));
}

void put_bytes(struct buf *out, unsigned number, struct bytes b)
{
	put_varint(out, number << 3 | 2);
	put_varint(out, b.len);
	put_raw(out, b);
}

void put_text(struct buf *out, unsigned number, const char *text)
{
	put_bytes(out, number, bytes_of(text));
}

void put_number(struct buf *out, unsigned number, uint64_t value)
{
	put_varint(out, number << 3);
	put_varint(out, value);
}

void put_submission(struct buf *out)
{
	put_text(out, 3, "a@b.example");
	put_text(out, 15, "Subject: x\r\n\r\n");
}
