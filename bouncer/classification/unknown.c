/* Replies that no rule of words knew. */
#include <ctype.h>
#include <string.h>

#include "bouncer/classification/tallies.h"
#include "lib/report/reply_text.h"

#define SURE_ENOUGH 60 /* percent: below that only a code was looked at */

bool verdict_is_unknown(const struct bounce_verdict *verdict)
{
	return verdict->confidence < SURE_ENOUGH;
}

static bool has_digit(struct bytes word)
{
	for (size_t i = 0; i < word.len; i++)
		if (isdigit(word.data[i]))
			return true;
	return false;
}

static size_t append(uint8_t *out, size_t len, struct bytes word)
{
	if (len + word.len + 1 > UNKNOWN_TEXT_MAX)
		return len;
	if (len > 0)
		out[len++] = ' ';
	memcpy(out + len, word.data, word.len);
	return len + word.len;
}

size_t unknown_text(struct bytes reply, uint8_t out[UNKNOWN_TEXT_MAX])
{
	uint8_t plain[2 * UNKNOWN_TEXT_MAX];
	struct bytes rest = bytes_from(plain, reply_text_plain(reply, plain, sizeof plain));
	size_t len = 0;
	bool was_number = false;
	while (rest.len > 0) {
		ptrdiff_t space = bytes_find(rest, ' ');
		struct bytes word = space < 0 ? rest : bytes_first(rest, (size_t)space);
		rest = bytes_skip(rest, word.len + (space < 0 ? 0 : 1));
		bool is_number = has_digit(word);
		if (word.len > 0 && !(is_number && was_number))
			len = append(out, len, is_number ? BYTES("#") : word);
		was_number = is_number;
	}
	return len;
}
