/* Whatever decodes as a suppression encodes to bytes that mean the same, to JSON on one line, and to a key that fits. */
#include <stdlib.h>

#include "schemas/schemas.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_json(const struct suppression *value)
{
	struct buf line;
	buf_init(&line, 8u << 20);
	check(suppression_to_json(value, &line) == OK);
	check(bytes_is_utf8(buf_bytes(&line)) && bytes_find(buf_bytes(&line), '\n') < 0);
	buf_done(&line);
}

static void check_key(const struct suppression *value)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t len = suppression_key(value->tenant, value->stream, value->address, key);
	check(len >= 2 && len <= sizeof key);
}

static void encode(const struct suppression *value, struct buf *out)
{
	buf_init(out, 64u << 20);
	check(suppression_encode(value, out) == OK);
	check_json(value);
	check_key(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct suppression value, again;
	struct why why;
	if (suppression_decode(arena, bytes_from(data, size), &value, &why) == OK) {
		struct buf first, second;
		encode(&value, &first);
		check(suppression_decode(arena, buf_bytes(&first), &again, &why) == OK);
		encode(&again, &second);
		check(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
		buf_done(&first);
		buf_done(&second);
	}
	arena_free(&arena);
	return 0;
}
