/* Greedy with one place to go back to: what an earlier `*` took never needs another look. */
#include "lib/base/pattern.h"

static uint8_t fold(uint8_t c, bool ignores_case)
{
	return ignores_case && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool pattern_matches(const char *pattern, struct bytes text, bool ignores_case)
{
	const char *after_star = NULL;
	size_t at = 0, star_at = 0;
	while (at < text.len) {
		if (*pattern == '*') {
			after_star = ++pattern;
			star_at = at;
		} else if (*pattern && fold((uint8_t)*pattern, ignores_case) ==
					       fold(text.data[at], ignores_case)) {
			pattern++;
			at++;
		} else if (after_star) {
			pattern = after_star;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
