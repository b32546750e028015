/* Whatever decodes as a suppression encodes to bytes that mean the same, to JSON on one line, and to a key that fits. */
#include "tests/fuzz/fuzz_schema.h"

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

static enum err encode(const struct suppression *value, struct buf *out)
{
	check(suppression_encode(value, out) == OK);
	check_json(value);
	check_key(value);
	return OK;
}

FUZZ_ROUND_TRIP(suppression, suppression_decode, encode, suppression_decode)
