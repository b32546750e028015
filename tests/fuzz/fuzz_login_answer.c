/* What a program or service answers to a login. */
#include "ingest/http/login_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct login_answer answer;
	struct why why = {""};
	if (login_answer_read(arena, bytes_from(data, size), &answer, &why) == OK)
		for (size_t i = 0; i < answer.domain_count; i++)
			if (answer.domains[i].len > 0 && !answer.domains[i].data)
				__builtin_trap();
	arena_free(&arena);
	return 0;
}
