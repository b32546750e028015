#include "bouncer/http/objects.h"

static struct bytes without_space(struct bytes text)
{
	while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t' ||
				text.data[0] == '\r' || text.data[0] == '\n'))
		text = bytes_skip(text, 1);
	return text;
}

static bool takes(struct objects *objects, uint8_t c)
{
	objects->rest = without_space(objects->rest);
	if (objects->rest.len == 0 || objects->rest.data[0] != c)
		return false;
	objects->rest = bytes_skip(objects->rest, 1);
	return true;
}

void objects_init(struct objects *objects, struct bytes text)
{
	*objects = (struct objects){.rest = text};
	objects->is_list = takes(objects, '[');
}

/* Bytes of the object that begins the text; 0: it has no end. */
static size_t length_of(struct bytes text)
{
	size_t depth = 0;
	bool is_in_text = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (is_in_text && c == '\\')
			i++;
		else if (c == '"')
			is_in_text = !is_in_text;
		else if (!is_in_text && (c == '{' || c == '['))
			depth++;
		else if (!is_in_text && (c == '}' || c == ']') && --depth == 0)
			return i + 1;
	}
	return 0;
}

static enum err at_end(struct objects *objects)
{
	objects->rest = without_space(objects->rest);
	objects->has_ended = true;
	return objects->rest.len == 0 ? E_NOT_FOUND : E_MALFORMED;
}

enum err objects_next(struct objects *objects, struct bytes *ret)
{
	if (objects->has_ended)
		return E_NOT_FOUND;
	if (objects->is_list && takes(objects, ']'))
		return at_end(objects);
	objects->rest = without_space(objects->rest);
	if (!objects->is_list && objects->rest.len == 0)
		return at_end(objects);
	if (objects->is_list && objects->has_begun && !takes(objects, ','))
		return E_MALFORMED;
	objects->rest = without_space(objects->rest);
	objects->has_begun = true;
	if (objects->rest.len == 0 || objects->rest.data[0] != '{')
		return E_MALFORMED;
	size_t len = length_of(objects->rest);
	if (len == 0)
		return E_MALFORMED;
	*ret = bytes_first(objects->rest, len);
	objects->rest = bytes_skip(objects->rest, len);
	return OK;
}
