/* Whatever decodes as a batch of results encodes to bytes that mean the same, and to JSON on one line. */
#include "tests/fuzz/fuzz_schema.h"

static void check_json(const struct result *value)
{
	struct buf line;
	buf_init(&line, 8u << 20);
	check(result_to_json(value, &line) == OK);
	check(bytes_is_utf8(buf_bytes(&line)) && bytes_find(buf_bytes(&line), '\n') < 0);
	buf_done(&line);
}

static enum err encode(const struct result_batch *value, struct buf *out)
{
	check(result_batch_encode(value, out) == OK);
	for (size_t i = 0; i < value->count; i++)
		check_json(&value->results[i]);
	return OK;
}

FUZZ_ROUND_TRIP(result_batch, result_batch_decode, encode, result_batch_decode)
