/* Loading a JSON object of a stranger: bounded first, then built. For those who may use jansson. */
#ifndef LEVERET_SCHEMAS_JSON_OBJECT_H
#define LEVERET_SCHEMAS_JSON_OBJECT_H

#include <jansson.h>

#include "schemas/json_bound.h"

/* `flags` are jansson's. E_MALFORMED, E_TOO_BIG. json_decref() what it gives. */
enum err json_object_load(struct bytes in, size_t depth_max, size_t values_max, size_t flags,
			  json_t **ret, struct why *why) MUST_USE;

#endif
