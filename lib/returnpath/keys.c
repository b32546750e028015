/* The file of keys. */
#include "lib/returnpath/returns.h"

static struct bytes take_line(struct bytes *rest)
{
	ptrdiff_t end = bytes_find(*rest, '\n');
	struct bytes line = end < 0 ? *rest : bytes_first(*rest, (size_t)end);
	*rest = bytes_skip(*rest, line.len + 1);
	ptrdiff_t comment = bytes_find(line, '#');
	return bytes_strip(comment < 0 ? line : bytes_first(line, (size_t)comment));
}

static const char *read_line(struct arena *arena, struct bytes line, struct return_keys *keys)
{
	size_t len = 0;
	uint64_t id = 0;
	while (len < line.len && line.data[len] != ' ' && line.data[len] != '\t')
		len++;
	struct bytes secret = bytes_strip(bytes_skip(line, len));
	if (!bytes_to_u64(bytes_first(line, len), 255, &id))
		return "expected a number from 0 to 255, and a secret";
	if (secret.len < RETURN_KEY_MIN_BYTES)
		return "the secret is shorter than 16 characters";
	if (return_keys_find(keys, (uint8_t)id))
		return "this number was given before";
	if (keys->count == RETURN_KEYS_MAX)
		return "there are more than 8 keys";
	keys->items[keys->count++] =
		(struct return_key){.id = (uint8_t)id, .secret = arena_copy(arena, secret)};
	return NULL;
}

enum err return_keys_read(struct arena *arena, struct bytes text, struct return_keys *ret,
			  struct why *why)
{
	struct return_keys keys = {.count = 0};
	for (unsigned number = 1; text.len > 0; number++) {
		struct bytes line = take_line(&text);
		const char *fault = line.len > 0 ? read_line(arena, line, &keys) : NULL;
		if (fault)
			return fail(why, E_MALFORMED, "line %u: %s", number, fault);
	}
	if (keys.count == 0)
		return fail(why, E_MALFORMED, "there is no key");
	*ret = keys;
	return OK;
}
