/* A look at JSON before it is parsed: what parsing may allocate. An empty object is 2 bytes of text and some 150 of memory. Pure. */
#ifndef LEVERET_SCHEMAS_JSON_BOUND_H
#define LEVERET_SCHEMAS_JSON_BOUND_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

/* E_MALFORMED: nested too deep; E_TOO_BIG: too many values. Nothing else is judged. */
enum err json_bound(struct bytes in, size_t depth_max, size_t values_max, struct why *why) MUST_USE;

#endif
