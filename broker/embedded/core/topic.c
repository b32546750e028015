/* See topic.h. As with "*" in file names, only the last "#" needs to be tried again: what an earlier one could take more of, the
 * later one can take too. */
#include "broker/embedded/core/topic.h"

#include <stddef.h>
#include <string.h>

static size_t word_len(const char *at)
{
	return strcspn(at, ".");
}

/* The word behind this one; NULL behind the last. */
static const char *next_word(const char *at)
{
	at += word_len(at);
	return *at ? at + 1 : NULL;
}

static bool is_word(const char *at, char c)
{
	return at && at[0] == c && word_len(at) == 1;
}

static bool words_fit(const char *pattern, const char *key)
{
	size_t len = word_len(key);
	return is_word(pattern, '*') ||
	       (word_len(pattern) == len && memcmp(pattern, key, len) == 0);
}

bool topic_matches(const char *pattern, const char *key)
{
	const char *again_pattern = NULL,
		   *again_key = NULL; /* behind the last "#", and what it takes next */
	bool has_again = false;
	if (!*key)
		key = NULL; /* no words */
	if (!*pattern)
		pattern = NULL;
	while (key) {
		if (is_word(pattern, '#')) {
			pattern = again_pattern = next_word(pattern);
			again_key = key;
			has_again = true;
		} else if (pattern && words_fit(pattern, key)) {
			pattern = next_word(pattern);
			key = next_word(key);
		} else if (has_again) {
			pattern = again_pattern;
			key = again_key = next_word(again_key);
		} else {
			return false;
		}
	}
	while (is_word(pattern, '#'))
		pattern = next_word(pattern);
	return !pattern;
}
