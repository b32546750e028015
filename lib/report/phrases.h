/* Many phrases looked for in one text, in one pass (Aho and Corasick's automaton): time grows with the text only, whatever the text
 * is. A phrase is plain words, in lower case; " * " between words stands for any words or none, and "*" at an end for any rest of a
 * word. Without one, a phrase that starts or ends with a letter or digit matches whole words only. */
#ifndef LEVERET_LIB_REPORT_PHRASES_H
#define LEVERET_LIB_REPORT_PHRASES_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define PHRASES_MAX	  4096
#define PHRASE_LEN_MAX	  200
#define PHRASE_PIECES_MAX 8

struct phrases;
struct phrase_hits { /* one bit per phrase */
	uint64_t bits[PHRASES_MAX / 64];
};

struct phrases *phrases_new(void);
void phrases_free(struct phrases **phrases);
/* The same phrase twice is one. E_MALFORMED: empty, not lower case, only stars. E_TOO_BIG: past the limits above. */
enum err phrases_add(struct phrases *phrases, struct bytes phrase, unsigned *ret_index,
		     struct why *why) MUST_USE;
/* After the last add, before the first scan. E_TOO_BIG: too much for the automaton. */
enum err phrases_compile(struct phrases *phrases, struct why *why) MUST_USE;
/* `text` in lower case. Any thread, any number at once. */
void phrases_scan(const struct phrases *phrases, struct bytes text, struct phrase_hits *ret);

static inline bool phrase_hit(const struct phrase_hits *hits, unsigned index)
{
	return (hits->bits[index / 64] >> index % 64 & 1) != 0;
}

#endif
