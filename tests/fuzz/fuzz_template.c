/* Any template with any values: it ends, and stays within its output. The input is the template, a NUL, and the JSON. */
#include <stdlib.h>
#include <string.h>

#include "lib/template/template.h"

#define OUT_MAX ((size_t)64 << 10)

static void expand(const struct template *template, struct bytes json)
{
	struct template_values *values = NULL;
	struct why why;
	if (template_values_read(json, BYTES("{\"shared\": [1, {\"a\": \"b\"}]}"), &values, &why) !=
	    OK)
		return;
	for (int form = TEMPLATE_TEXT; form <= TEMPLATE_LINE; form++) {
		struct buf out;
		buf_init(&out, OUT_MAX);
		enum err err = template_expand(template, values, (enum template_form)form, &out);
		if (err != OK && err != E_FULL && err != E_TOO_BIG)
			abort();
		buf_done(&out);
	}
	template_values_free(&values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_from(data, size);
	ptrdiff_t nul = bytes_find(in, '\0');
	struct bytes text = nul < 0 ? in : bytes_first(in, (size_t)nul);
	struct bytes json = nul < 0 ? BYTES("{}") : bytes_skip(in, (size_t)nul + 1);
	struct arena *arena = arena_new();
	struct template *template = NULL;
	struct why why;
	if (template_parse(arena, text, &template, &why) == OK)
		expand(template, json);
	arena_free(&arena);
	return 0;
}
