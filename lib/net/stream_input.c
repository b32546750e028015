/* What has come in, as its owner sees it: looked at, consumed, held back. See stream.h. */
#include <assert.h>
#include <string.h>

#include "lib/net/stream_inner.h"

struct bytes stream_input(const struct stream *stream)
{
	return buf_bytes(&stream->input);
}

void stream_consume(struct stream *stream, size_t count)
{
	if (stream->is_finishing || stream->state == SECURING)
		return; /* thrown away already, by an owner in the middle of a line */
	bool was_full = buf_room(&stream->input) == 0;
	buf_consume(&stream->input, count);
	if (was_full && !stream->is_busy)
		loop_defer(stream->loop, &stream->turn_end);
}

void stream_wipe_input(struct stream *stream, struct bytes part)
{
	const struct buf *input = &stream->input;
	assert(part.data >= input->data && part.data + part.len <= input->data + input->capacity);
	explicit_bzero(input->data + (part.data - input->data), part.len);
}

/* The memory stays until leave(): the owner may be reading a line of it. */
void stream_throw_input_away(struct stream *s)
{
	buf_consume(&s->input, s->input.len);
}

void stream_pause(struct stream *stream, bool paused)
{
	if (stream->is_paused == paused)
		return;
	stream->is_paused = paused;
	if (stream->state == ENDED)
		return;
	if (!paused) {
		stream->must_repeat = true;
		loop_defer(stream->loop, &stream->turn_end);
	} else if (!stream->is_busy) {
		stream_update_interest(stream);
	}
}
