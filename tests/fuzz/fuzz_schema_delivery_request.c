/* Whatever decodes as a delivery request encodes to bytes that mean the same. */
#include "tests/fuzz/fuzz_schema.h"

static enum err encode(const struct delivery_request *value, struct buf *out)
{
	check(delivery_request_encode_head(value, value->content.len, out) == OK);
	check(buf_append(out, value->content) == OK);
	return OK;
}

FUZZ_ROUND_TRIP(delivery_request, delivery_request_decode, encode, delivery_request_decode)
