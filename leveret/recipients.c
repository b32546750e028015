/* Recipients out of a message's header (RFC 5322 3.4), leniently: what cannot be an address is refused later, by the server. */
#include "leveret/recipients.h"

#include <string.h>

/* The next header field of *rest with its folded lines; false at the end of the header. */
static bool next_field(struct bytes *rest, struct bytes *ret_field)
{
	size_t len = 0;
	do {
		ptrdiff_t end = bytes_find(bytes_skip(*rest, len), '\n');
		len = end < 0 ? rest->len : len + (size_t)end + 1;
	} while (len < rest->len && (rest->data[len] == ' ' || rest->data[len] == '\t'));
	*ret_field = bytes_first(*rest, len);
	*rest = bytes_skip(*rest, len);
	return len > 0 && ret_field->data[0] != '\n' && ret_field->data[0] != '\r';
}

static bool field_is(struct bytes field, const char *name)
{
	size_t len = strlen(name);
	return bytes_starts_with_nocase(field, name) && field.len > len && field.data[len] == ':';
}

/* One element of an address list: what stands in <...>, else the element itself. */
static enum err add_element(struct recipients *recipients, struct bytes element)
{
	ptrdiff_t open = bytes_find(element, '<');
	if (open >= 0) {
		element = bytes_skip(element, (size_t)open + 1);
		ptrdiff_t close = bytes_find(element, '>');
		element = bytes_first(element, close < 0 ? element.len : (size_t)close);
	}
	while (element.len > 0 && strchr(" \t\r\n", element.data[0]))
		element = bytes_skip(element, 1);
	while (element.len > 0 && strchr(" \t\r\n;", element.data[element.len - 1]))
		element.len--;
	if (element.len == 0)
		return OK;
	if (recipients->count == RECIPIENTS_MAX)
		return E_TOO_BIG;
	recipients->items[recipients->count++] = element;
	return OK;
}

/* Length of the first element of a list: up to a comma outside of quotes, comments and brackets; a group's name ends at its colon. */
static size_t element_length(struct bytes list, bool *ret_is_group_name)
{
	bool is_quoted = false;
	int depth = 0;
	*ret_is_group_name = false;
	for (size_t i = 0; i < list.len; i++) {
		uint8_t c = list.data[i];
		if (c == '\\')
			i++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && (c == '(' || c == '<'))
			depth++;
		else if (!is_quoted && (c == ')' || c == '>'))
			depth--;
		else if (!is_quoted && depth == 0 && (c == ',' || c == ';' || c == ':')) {
			*ret_is_group_name = c == ':';
			return i;
		}
	}
	return list.len;
}

static enum err add_list(struct recipients *recipients, struct bytes list)
{
	enum err err = OK;
	while (list.len > 0 && err == OK) {
		bool is_group_name = false;
		size_t len = element_length(list, &is_group_name);
		if (!is_group_name)
			err = add_element(recipients, bytes_first(list, len));
		list = bytes_skip(list, len + 1);
	}
	return err;
}

enum err recipients_from_header(struct bytes message, struct recipients *recipients)
{
	static const char *const names[] = {"To", "Cc", "Bcc"};
	struct bytes field;
	enum err err = OK;
	while (err == OK && next_field(&message, &field))
		for (size_t i = 0; i < sizeof names / sizeof names[0] && err == OK; i++)
			if (field_is(field, names[i]))
				err = add_list(recipients, bytes_skip(field, strlen(names[i]) + 1));
	return err;
}

static size_t copy_with_crlf(uint8_t *out, struct bytes in)
{
	size_t len = 0;
	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] == '\n' && (i == 0 || in.data[i - 1] != '\r'))
			out[len++] = '\r';
		out[len++] = in.data[i];
	}
	return len;
}

struct bytes message_for_sending(struct arena *arena, struct bytes message)
{
	uint8_t *out = arena_alloc(arena, message.len * 2 + 1);
	size_t len = 0;
	struct bytes rest = message, field = BYTES_NONE;
	while (next_field(&rest, &field))
		if (!field_is(field, "Bcc"))
			len += copy_with_crlf(out + len, field);
	len += copy_with_crlf(out + len, field); /* the empty line */
	len += copy_with_crlf(out + len, rest);
	return bytes_from(out, len);
}
