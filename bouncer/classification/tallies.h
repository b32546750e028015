/* What was classified, counted: in /metrics by class, named site and source; durably by day for `leveret bounce stats`; and the
 * replies that no rule of words knew, for `leveret bounce unknown`, so that rules can grow. Labels come from closed sets. Counts are
 * written every two seconds; a crash loses the last. Used on one loop. */
#ifndef LEVERET_BOUNCER_CLASSIFICATION_TALLIES_H
#define LEVERET_BOUNCER_CLASSIFICATION_TALLIES_H

#include "lib/report/classifier.h"
#include "lib/routing/routing.h"
#include "lib/store/store.h"
#include "schemas/schemas.h"

#define TALLIES_DATABASES "bounce.counts", "bounce.unknown"

struct tallies;
/* `routing` is borrowed; NULL: there are no named sites and sources. */
struct tallies *tallies_new(struct loop *loop, struct store *store, const struct routing *routing);
void tallies_free(struct tallies **tallies); /* writes what is left */

void tallies_count(struct tallies *tallies, const struct result *result,
		   const struct bounce_verdict *verdict);

/* ---- reading, in any process that has the store open ---- */

struct tally_row {
	uint32_t day; /* since 1970, UTC */
	enum bounce_class class;
	enum bounce_family family;
	struct bytes site, source; /* borrowed */
	uint64_t count;
};
enum err tally_row_parse(struct bytes key, struct bytes value, struct tally_row *ret) MUST_USE;

#define UNKNOWN_TEXT_MAX 300
#define UNKNOWN_ROWS_MAX 2000
struct unknown_row {
	uint64_t count;
	uint32_t first_s, last_s; /* wall time */
	uint16_t code;		  /* of the last */
	enum bounce_class class;
	struct bytes site, text; /* borrowed; the text is normalised */
};
enum err unknown_row_parse(struct bytes value, struct unknown_row *ret) MUST_USE;

/* A reply without what differs from one mail to the next: addresses, codes, and words with digits, which are "#". At most
 * UNKNOWN_TEXT_MAX bytes; returns the length. Pure. */
size_t unknown_text(struct bytes reply, uint8_t out[UNKNOWN_TEXT_MAX]);
/* No rule of words decided: none at all, or one of little confidence. Pure. */
bool verdict_is_unknown(const struct bounce_verdict *verdict);

#endif
