/* One pass over the value. Quoted strings and comments hide whatever is in them; an address in angle brackets is the address, else the
 * text itself is one. */
#include "lib/mail/mailbox.h"

#include "lib/base/ascii.h"

size_t mailbox_hidden_len(struct bytes b)
{
	uint8_t open = b.data[0], close = open == '"' ? '"' : ')';
	size_t depth = 0;
	for (size_t i = 0; i < b.len; i++) {
		uint8_t c = b.data[i];
		if (c == '\\')
			i++;
		else if (open == '(' && c == '(')
			depth++;
		else if (c == close && i > 0 && (open == '"' || --depth == 0))
			return i + 1;
	}
	return 0;
}

/* What has no end hides all the rest. */
static size_t step_over(struct bytes b)
{
	size_t len = b.data[0] == '"' || b.data[0] == '(' ? mailbox_hidden_len(b) : 1;
	return len > 0 ? len : b.len;
}

static bool is_domain_byte(uint8_t c)
{
	return c > ' ' && c != 127 && c != '<' && c != '>' && c != ',' && c != ';' && c != ':' &&
	       c != '(' && c != ')' && c != '"' && c != '\\' && c != '@';
}

size_t mailbox_domain_len(struct bytes b)
{
	size_t len = 0;
	while (len < b.len && is_domain_byte(b.data[len]))
		len++;
	return len;
}

static struct bytes domain_at(struct bytes b)
{
	while (b.len > 0 && ascii_is_white(b.data[0]))
		b = bytes_skip(b, 1);
	return bytes_first(b, mailbox_domain_len(b));
}

bool mailbox_domain(struct bytes value, struct bytes *ret)
{
	struct bytes domain = BYTES_NONE; /* behind the last @ so far */
	bool is_bracketed = false;
	while (value.len > 0) {
		uint8_t c = value.data[0];
		size_t len = step_over(value);
		if (c == '<') {
			is_bracketed = true;
			domain = BYTES_NONE; /* what came before was a name */
		} else if (c == '>' || (c == ',' && domain.len > 0 && !is_bracketed)) {
			break;
		} else if (c == ':') {
			domain = BYTES_NONE; /* behind a group's name or a source route */
		} else if (c == '@') {
			domain = domain_at(bytes_skip(value, 1));
		}
		value = bytes_skip(value, len);
	}
	*ret = domain;
	return domain.len > 0;
}
