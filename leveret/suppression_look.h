/* Verbs on suppressions: the options that choose some of them, and the replicated table read from its beginning, so that they work on
 * any host that reaches the broker. What does not fit is not kept, so memory goes by what is asked for. */
#ifndef LEVERET_LEVERET_SUPPRESSION_LOOK_H
#define LEVERET_LEVERET_SUPPRESSION_LOOK_H

#include <uthash.h>

#include "broker/suppressions.h"
#include "leveret/program.h"
#include "schemas/schemas.h"

struct look_entry {
	uint8_t *key;
	size_t key_len;
	uint64_t version;
	bool fits;	      /* else it was removed or does not fit: only its version counts */
	struct bytes encoded; /* of one that fits */
	UT_hash_handle hh;
};

struct look {
	/* what is wanted */
	struct suppression_filter filter;
	bool wants_held;
	/* what becomes of it */
	void (*told)(struct errand *errand); /* the table is complete */
	void (*changed)(struct errand *errand,
			struct look_entry *entry); /* one came later; NULL: nobody asks */
	void *owner;
	/* while it runs */
	struct arena *arena;
	struct look_entry *entries;
	size_t fitting_count;
	struct table_follower *follower;
	bool as_json, is_complete;
};

/* Follows the table with look as the errand's owner; gives the exit code. */
int look_run(struct look *look, const struct options *options, int64_t limit_ms);
/* NULL: nothing is known of the key. */
struct look_entry *look_find(struct look *look, struct bytes tenant, struct bytes stream,
			     const char *address);
/* False: it is not to be read. */
bool look_decode(struct look *look, const struct look_entry *entry, struct suppression *ret);
/* Those that fit, by address: an array in the arena. */
struct look_entry **look_sorted(struct look *look);
void look_print(const struct look *look, const struct suppression *suppression);

/* ---- options ---- */

#define FILTER_ROWS                                                                                \
	{"since", 0, "TIME", "created since then: 2h (ago), or 2026-11-21T09:00:00Z"},             \
		{"until", 0, "TIME", "created before then"},                                       \
		{"domain", 'd', "DOMAIN", "of these addresses; *.example.com: what is below it"},  \
		{"prefix", 0, "TEXT", "addresses that begin so"},                                  \
		{"reason", 'r', "WORD", "as bad_mailbox, complaint, manual"},                      \
		{"class", 0, "CLASS", "the same as --reason"},                                     \
		{"rule", 0, "RULE", "of classification"}, {"text", 0, "TEXT", "in the evidence"},  \
		{"tenant", 't', "NAME", "of that tenant"}, {"stream", 0, "POOL", "of that pool"},  \
		{"origin", 0, "WORD", "bounce, report, operator or import"},                       \
	{                                                                                          \
		"site", 0, "SITE", "of the bounce"                                                 \
	}
#define FILTER_ROW_COUNT 12
/* False: told on standard error. */
bool look_filter(const struct options *options, struct suppression_filter *ret);
bool look_has_filter(const struct options *options); /* any was given */

#endif
