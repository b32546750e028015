/* Edit distance between short words: insert, delete, replace, and swap of neighbours cost one each. Fails never; long words
 * are near to nothing. */
#include "lib/conf/nearest.h"

#include <stdbool.h>
#include <string.h>

#define WORD_MAX 64

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;
	return ab < c ? ab : c;
}

static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before_last = rows[0], *last = rows[1], *row = rows[2];
	for (unsigned j = 0; j <= b_len; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned differs = a[i - 1] != b[j - 1];
			row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
			bool is_swap =
				i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
			if (is_swap && before_last[j - 2] + 1 < row[j])
				row[j] = before_last[j - 2] + 1;
		}
		unsigned *oldest = before_last;
		before_last = last;
		last = row;
		row = oldest;
	}
	return last[b_len];
}

void nearest_init(struct nearest *nearest, const char *word)
{
	/* A third of the letters may differ: more, and the suggestion is a guess. */
	*nearest =
		(struct nearest){.word = word, .best_distance = (unsigned)(strlen(word) / 3 + 2)};
}

void nearest_offer(struct nearest *nearest, const char *known)
{
	size_t word_len = strlen(nearest->word), known_len = strlen(known);
	if (word_len > WORD_MAX || known_len > WORD_MAX)
		return;
	unsigned found = distance(nearest->word, word_len, known, known_len);
	if (found < nearest->best_distance) {
		nearest->best_distance = found;
		nearest->best = known;
	}
}
