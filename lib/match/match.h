/* Many patterns looked for in one text at once. Time grows with the text only, whatever the patterns and the text are: there is no
 * backtracking. The patterns' language is in docs/patterns.md. Pure; knows bytes, not letters of other scripts.
 *
 * A set is read-only once it is made: any thread, any number at once. A scratch belongs to one thread and one set; it remembers what
 * it learned from earlier texts, within a fixed size (at most about 1.5 MB). */
#ifndef LEVERET_LIB_MATCH_MATCH_H
#define LEVERET_LIB_MATCH_MATCH_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define MATCH_PATTERNS_MAX    8192
#define MATCH_PATTERN_MAX     2000  /* bytes */
#define MATCH_DEPTH_MAX	      40    /* groups in groups */
#define MATCH_REPEAT_MAX      1000  /* in {m,n} */
#define MATCH_NODES_MAX	      5000  /* of one pattern when its repetitions are written out */
#define MATCH_SET_NODES_MAX   60000 /* of all together */
#define MATCH_SET_CLASSES_MAX 1024  /* different classes of bytes, of all together */

struct match_set;
struct match_scratch;

/* Patterns are found by their index. On failure *ret_bad is the one at fault. E_MALFORMED: `why` has the offset and what was
 * expected there. E_TOO_BIG: past a limit above. ret_bad may be NULL. */
enum err match_set_new(const char *const *patterns, size_t count, struct match_set **ret,
		       size_t *ret_bad, struct why *why) MUST_USE;
void match_set_free(struct match_set **set); /* after its scratches */
/* Of one pattern alone: OK when a set would take it. */
enum err match_check(const char *pattern, struct why *why) MUST_USE;

struct match_scratch *match_scratch_new(const struct match_set *set);
void match_scratch_free(struct match_scratch **scratch);

/* The patterns that fit anywhere in the text: their indexes, rising, at most max of them. Returns how many were written. */
size_t match_all(struct match_scratch *scratch, struct bytes text, size_t *ids, size_t max);

#endif
