/* The objects of a JSON list, or of a text of one object per line, told apart without being read. Pure. */
#ifndef LEVERET_BOUNCER_HTTP_OBJECTS_H
#define LEVERET_BOUNCER_HTTP_OBJECTS_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct objects {
	struct bytes rest;
	bool is_list, has_begun, has_ended;
};
void objects_init(struct objects *objects, struct bytes text);
/* The next one, borrowed from the text. E_NOT_FOUND: that was all. E_MALFORMED: something else stands there. What is inside an object is not
 * looked at further than to find its end. */
enum err objects_next(struct objects *objects, struct bytes *ret) MUST_USE;

#endif
