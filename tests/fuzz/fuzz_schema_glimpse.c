/* What is read of a refused submission can be told in a result, whatever it was read from. */
#include "tests/fuzz/fuzz_schema.h"

static void tell(struct arena *arena, const struct submission *submission)
{
	struct buf out;
	struct result_batch batch;
	struct why why;
	buf_init(&out, FUZZ_OUT_MAX);
	for (size_t i = 0; i < submission->recipient_count && i < 3; i++) {
		struct result result = {
			.id = submission->id.len > 0 ? submission->id : BYTES("1"),
			.recipient = submission->recipients[i],
			.sender = submission->sender,
			.event = RESULT_BOUNCED,
			.pool = submission->pool,
			.labels = submission->labels,
		};
		const struct result_batch one = {&result, 1};
		buf_clear(&out);
		check(result_batch_encode(&one, &out) == OK);
		check(result_batch_decode(arena, buf_bytes(&out), &batch, &why) == OK);
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct submission submission;
	submission_glimpse(arena, bytes_from(data, size), &submission);
	tell(arena, &submission);
	submission_glimpse_json(arena, bytes_from(data, size), &submission);
	tell(arena, &submission);
	arena_free(&arena);
	return 0;
}
