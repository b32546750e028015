/* Any body of POST /v1/transmissions and /v1/messages: refused with a reason, or a posting whose skeleton decodes; and no byte of it begins
 * a line of the literal header that nobody wrote. */
#include <stdlib.h>
#include <string.h>

#include "ingest/http/message_form.h"
#include "ingest/http/transmission.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_posting(struct arena *arena, const struct posting *posting)
{
	struct skeleton skeleton;
	struct why why;
	if (!posting->is_skeleton)
		return;
	check(skeleton_decode(arena, posting->content, &skeleton, &why) == OK);
	for (size_t i = 0; i < skeleton.segment_count; i++) {
		const struct segment *segment = &skeleton.segments[i];
		bool is_line = segment->kind == SEGMENT_HEADER ||
			       segment->kind == SEGMENT_MAILBOX ||
			       segment->kind == SEGMENT_MESSAGE_ID;
		if (is_line)
			check(bytes_find(segment->text, '\n') < 0 &&
			      bytes_find(segment->address, '\n') < 0 &&
			      bytes_find(segment->name, '\n') < 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct transmission transmission;
	struct posting posting;
	struct why why = {""};
	struct bytes in = bytes_from(data, size);
	if (transmission_read(arena, in, 1795252800000, &transmission, &why) == OK)
		check_posting(arena, &transmission.posting);
	else
		check(why.text[0] != '\0');
	(void)message_form_read(arena, in, &posting, &why);
	arena_free(&arena);
	return 0;
}
