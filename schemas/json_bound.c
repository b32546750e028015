#include "schemas/json_bound.h"

/* Index behind the string that starts at `at`. */
static size_t skip_string(struct bytes in, size_t at)
{
	for (at++; at < in.len && in.data[at] != '"'; at++)
		if (in.data[at] == '\\')
			at++;
	return at + 1;
}

enum err json_bound(struct bytes in, size_t depth_max, size_t values_max, struct why *why)
{
	size_t depth = 0, values = 0;
	for (size_t at = 0; at < in.len;) {
		uint8_t c = in.data[at];
		if (c == '"') {
			at = skip_string(in, at);
			continue;
		}
		if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (c == '[' || c == '{' || c == ',')
			values++;
		if (depth > depth_max)
			return fail(why, E_MALFORMED, "JSON: more than %zu levels", depth_max);
		if (values > values_max)
			return fail(why, E_TOO_BIG, "JSON: more than %zu values", values_max);
		at++;
	}
	return OK;
}
