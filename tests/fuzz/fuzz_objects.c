/* Any text as a list of JSON objects, or one per line: every object lies in the text, begins and ends as one, behind the one before. */
#include <stdlib.h>

#include "bouncer/http/objects.h"

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct objects objects;
	struct bytes object;
	const uint8_t *behind = data;
	enum err err;
	objects_init(&objects, bytes_from(data, size));
	while (!(err = objects_next(&objects, &object))) {
		check(object.data >= behind && object.data + object.len <= data + size);
		check(object.len >= 2 && object.data[0] == '{');
		check(object.data[object.len - 1] == '}' || object.data[object.len - 1] == ']');
		behind = object.data + object.len;
	}
	check(err == E_NOT_FOUND || err == E_MALFORMED);
	return 0;
}
