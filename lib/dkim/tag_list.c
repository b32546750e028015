/* See tag_list.h. */
#include "lib/dkim/tag_list.h"

#include <string.h>

#include "lib/base/ascii.h"
#include "lib/base/base64.h"

/* Takes what is before the next semicolon, and that. */
static struct bytes take_part(struct bytes *rest)
{
	ptrdiff_t at = bytes_find(*rest, ';');
	struct bytes part = at < 0 ? *rest : bytes_first(*rest, (size_t)at);
	*rest = bytes_skip(*rest, at < 0 ? rest->len : (size_t)at + 1);
	return part;
}

static bool is_name(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		if (!ascii_is_letter(c) && (i == 0 || (c != '_' && !ascii_is_digit(c))))
			return false;
	}
	return name.len > 0;
}

static bool add(struct tag_list *list, struct bytes part)
{
	ptrdiff_t equals = bytes_find(part, '=');
	if (equals < 0 || list->count == TAG_LIST_MAX)
		return false;
	struct tag tag = {bytes_strip(bytes_first(part, (size_t)equals)),
			  bytes_strip(bytes_skip(part, (size_t)equals + 1))};
	for (size_t i = 0; i < list->count; i++)
		if (bytes_equal(list->tags[i].name, tag.name))
			return false;
	list->tags[list->count++] = tag;
	return is_name(tag.name);
}

bool tag_list_read(struct bytes text, struct tag_list *ret)
{
	ret->count = 0;
	while (text.len > 0) {
		struct bytes part = take_part(&text);
		if (bytes_strip(part).len == 0 && bytes_strip(text).len == 0)
			break; /* behind the last semicolon */
		if (!add(ret, part))
			return false;
	}
	return ret->count > 0;
}

bool tag_list_find(const struct tag_list *list, const char *name, struct bytes *ret)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!bytes_is(list->tags[i].name, name))
			continue;
		*ret = list->tags[i].value;
		return true;
	}
	return false;
}

struct bytes tag_list_without_signature(struct arena *arena, struct bytes field)
{
	ptrdiff_t colon = bytes_find(field, ':');
	struct bytes rest = bytes_skip(field, (size_t)(colon + 1));
	while (rest.len > 0) {
		const uint8_t *start = rest.data;
		struct bytes part = take_part(&rest);
		ptrdiff_t equals = bytes_find(part, '=');
		if (equals < 0 || !bytes_is(bytes_strip(bytes_first(part, (size_t)equals)), "b"))
			continue;
		size_t before = (size_t)(start - field.data) + (size_t)equals + 1;
		size_t after = (size_t)(start - field.data) + part.len;
		uint8_t *out = arena_alloc(arena, field.len);
		memcpy(out, field.data, before);
		memcpy(out + before, field.data + after, field.len - after);
		return bytes_from(out, before + field.len - after);
	}
	return field;
}

bool tag_base64(struct arena *arena, struct bytes value, struct bytes *ret, struct bytes *ret_text)
{
	uint8_t *text = arena_alloc(arena, value.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < value.len; i++)
		if (!strchr(" \t\r\n", value.data[i]) || value.data[i] == '\0')
			text[len++] = value.data[i];
	*ret_text = bytes_from(text, len);
	return len > 0 && base64_decode(arena, *ret_text, ret) == OK;
}
