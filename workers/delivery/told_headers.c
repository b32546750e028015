/* See told_headers.h. */
#include "workers/delivery/told_headers.h"

#include <string.h>

#include "lib/mail/header.h"

#define HEADER_LOOK_MAX ((size_t)64 << 10) /* bytes of a header that are looked at */
#define NAME_MAX_LEN	64

static struct bytes cut(struct bytes value)
{
	if (value.len <= TOLD_HEADER_MAX)
		return value;
	value.len = TOLD_HEADER_MAX;
	while (value.len > 0 && (value.data[value.len] & 0xc0) == 0x80)
		value.len--; /* no letter is cut in two */
	return value;
}

static struct bytes printable(struct arena *arena, struct bytes value)
{
	bool is_utf8 = bytes_is_utf8(value);
	if (is_utf8 && !bytes_has_control(value, false))
		return arena_copy(arena, value);
	uint8_t *out = arena_alloc(arena, value.len);
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];
		out[i] = c < ' ' || c >= 0x7f ? '?' : c;
	}
	return bytes_from(out, value.len);
}

static void take(struct arena *arena, const struct conf_text_list *names,
		 const struct header_field *field, struct bytes *values)
{
	for (size_t i = 0; i < names->count; i++)
		if (values[i].len == 0 && bytes_is_nocase(field->name, names->items[i]))
			values[i] = printable(arena, cut(header_unfold(arena, field->value)));
}

struct pair *told_headers(struct arena *arena, const struct conf_text_list *names,
			  struct bytes message, size_t *ret_count)
{
	struct header_field field;
	*ret_count = 0;
	if (names->count == 0 || message.len == 0)
		return NULL;
	struct bytes rest = bytes_first(message, HEADER_LOOK_MAX);
	struct bytes *values = arena_zalloc(arena, names->count, sizeof *values);
	struct pair *pairs = arena_zalloc(arena, names->count, sizeof *pairs);
	while (header_next(&rest, &field))
		take(arena, names, &field, values);
	for (size_t i = 0; i < names->count; i++)
		if (values[i].len > 0)
			pairs[(*ret_count)++] = (struct pair){bytes_of(names->items[i]), values[i]};
	return pairs;
}

bool told_headers_is_name(const char *name)
{
	size_t len = 0;
	for (; name[len]; len++)
		if (name[len] <= ' ' || name[len] > '~' || strchr(":,;\"", name[len]))
			return false;
	return len > 0 && len <= NAME_MAX_LEN;
}
