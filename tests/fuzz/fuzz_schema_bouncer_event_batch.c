/* Whatever decodes as a batch of events encodes to bytes that mean the same, and to JSON on one line. */
#include "tests/fuzz/fuzz_schema.h"

static void check_json(const struct bouncer_event *value)
{
	struct buf line;
	buf_init(&line, 8u << 20);
	check(bouncer_event_to_json(value, &line) == OK);
	check(bytes_is_utf8(buf_bytes(&line)) && bytes_find(buf_bytes(&line), '\n') < 0);
	buf_done(&line);
}

static enum err encode(const struct bouncer_event_batch *value, struct buf *out)
{
	check(bouncer_event_batch_encode(value, out) == OK);
	for (size_t i = 0; i < value->count; i++)
		check_json(&value->events[i]);
	return OK;
}

FUZZ_ROUND_TRIP(bouncer_event_batch, bouncer_event_batch_decode, encode, bouncer_event_batch_decode)
