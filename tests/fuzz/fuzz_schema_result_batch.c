/* Whatever decodes as a batch of results encodes to bytes that mean the same, and to JSON on one line. */
#include <stdlib.h>

#include "schemas/schemas.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_json(const struct result *value)
{
	struct buf line;
	buf_init(&line, 8u << 20);
	check(result_to_json(value, &line) == OK);
	check(bytes_is_utf8(buf_bytes(&line)) && bytes_find(buf_bytes(&line), '\n') < 0);
	buf_done(&line);
}

static void encode(const struct result_batch *value, struct buf *out)
{
	buf_init(out, 64u << 20);
	check(result_batch_encode(value, out) == OK);
	for (size_t i = 0; i < value->count; i++)
		check_json(&value->results[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct result_batch value, again;
	struct why why;
	if (result_batch_decode(arena, bytes_from(data, size), &value, &why) == OK) {
		struct buf first, second;
		encode(&value, &first);
		check(result_batch_decode(arena, buf_bytes(&first), &again, &why) == OK);
		encode(&again, &second);
		check(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
		buf_done(&first);
		buf_done(&second);
	}
	arena_free(&arena);
	return 0;
}
