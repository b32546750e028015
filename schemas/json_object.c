#include "schemas/json_object.h"

enum err json_object_load(struct bytes in, size_t depth_max, size_t values_max, size_t flags,
			  json_t **ret, struct why *why)
{
	json_error_t error;
	enum err err = json_bound(in, depth_max, values_max, why);
	if (err != OK)
		return err;
	if (in.len == 0)
		return fail(why, E_MALFORMED, "JSON: there is none");
	json_t *root = json_loadb((const char *)in.data, in.len, flags, &error);
	if (!root)
		return fail(why, E_MALFORMED, "JSON: line %d, column %d: %s", error.line,
			    error.column, error.text);
	if (!json_is_object(root)) {
		json_decref(root);
		return fail(why, E_MALFORMED, "JSON: not an object");
	}
	*ret = root;
	return OK;
}
