/* Any header section: the fields are its bytes one after the other, values hold no line end when unfolded, and where it ends does not
 * depend on how it came. */
#include <stdlib.h>
#include <string.h>

#include "lib/mail/header.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_from(data, size), rest = in;
	struct arena *arena = arena_new();
	struct header_field field;
	const uint8_t *at = data;
	while (header_next(&rest, &field)) {
		check(field.whole.len > 0 && field.whole.data == at);
		at += field.whole.len;
		struct bytes value = header_unfold(arena, field.value);
		check(!value.len || (!memchr(value.data, '\n', value.len)));
		check(value.len <= field.value.len);
		check(!field.name.len || !memchr(field.name.data, ' ', field.name.len));
	}
	check(rest.len == 0 || rest.data + rest.len == data + size);
	size_t whole = header_length(in, 0), found = 0;
	for (size_t len = 1; size < 2000 && len <= size && found == 0; len++)
		found = header_length(bytes_first(in, len), len - 1);
	check(size >= 2000 || found == whole);
	arena_free(&arena);
	return 0;
}
