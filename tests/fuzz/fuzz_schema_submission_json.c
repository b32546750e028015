/* Whatever is taken from JSON is a submission that Protocol Buffers carry unchanged. */
#include <stdlib.h>

#include "schemas/schemas.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void encode(const struct submission *value, struct buf *out)
{
	buf_init(out, 64u << 20);
	check(submission_encode(value, out) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct submission value, again;
	struct why why;
	if (submission_from_json(arena, bytes_from(data, size), &value, &why) == OK) {
		struct buf first, second;
		encode(&value, &first);
		check(submission_decode(arena, buf_bytes(&first), &again, &why) == OK);
		encode(&again, &second);
		check(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
		buf_done(&first);
		buf_done(&second);
	}
	arena_free(&arena);
	return 0;
}
