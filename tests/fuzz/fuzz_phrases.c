/* Any lines as phrases, any text to look in: the automaton finds just those that a plain search finds. */
#include <stdlib.h>
#include <string.h>

#include "lib/report/phrases.h"

static bool is_word_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Of a phrase without stars: the slow way. */
static bool is_in(struct bytes phrase, struct bytes text)
{
	for (size_t at = 0; at + phrase.len <= text.len; at++) {
		if (memcmp(text.data + at, phrase.data, phrase.len) != 0)
			continue;
		bool is_torn =
			(is_word_byte(phrase.data[0]) && at > 0 &&
			 is_word_byte(text.data[at - 1])) ||
			(is_word_byte(phrase.data[phrase.len - 1]) && at + phrase.len < text.len &&
			 is_word_byte(text.data[at + phrase.len]));
		if (!is_torn)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = bytes_from(data, size), found[64];
	unsigned index[64];
	size_t count = 0;
	struct phrases *phrases = phrases_new();
	struct phrase_hits hits;
	struct why why;
	ptrdiff_t end;
	while (count < 64 && (end = bytes_find(rest, '\n')) >= 0) {
		found[count] = bytes_first(rest, (size_t)end);
		if (phrases_add(phrases, found[count], &index[count], &why) == OK)
			count++;
		rest = bytes_skip(rest, (size_t)end + 1);
	}
	if (phrases_compile(phrases, &why) == OK) {
		phrases_scan(phrases, rest, &hits);
		for (size_t i = 0; i < count; i++) {
			struct bytes phrase = found[i];
			bool is_plain =
				bytes_find(phrase, '*') < 0 && bytes_trim(phrase).len == phrase.len;
			if (is_plain && is_in(phrase, rest) != phrase_hit(&hits, index[i]))
				abort();
		}
	}
	phrases_free(&phrases);
	return 0;
}
