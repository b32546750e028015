/* Verbs on suppressions: the options that choose some of them, and the replicated table read from its beginning, so that they work on
 * any host that reaches the broker. What fits is kept on disk while the verb runs ($TMPDIR, else /var/tmp), in the order of its
 * keys (tenant, stream, address); the rest is not kept at all, so memory is bounded however long the table is. */
#ifndef LEVERET_LEVERET_SUPPRESSION_LOOK_H
#define LEVERET_LEVERET_SUPPRESSION_LOOK_H

#include "broker/suppressions.h"
#include "leveret/program.h"
#include "schemas/schemas.h"

struct look {
	/* what is wanted */
	struct suppression_filter filter;
	bool wants_held;
	/* what becomes of it */
	void (*told)(struct errand *errand);	/* the table is complete */
	void (*changed)(struct errand *errand); /* something came later; NULL: nobody asks */
	void *owner;
	/* while it runs */
	struct arena *arena;
	struct store *store; /* its files have no name any more */
	struct replica *replica;
	struct look_walk *walk; /* under way */
	bool as_json, is_complete;
};

/* Follows the table with look as the errand's owner; gives the exit code. */
int look_run(struct look *look, const struct options *options, int64_t limit_ms);

/* The entry, in the arena: false when it does not stand there, or does not fit. */
bool look_get(struct look *look, struct bytes tenant, struct bytes stream, const char *address,
	      struct suppression *ret);
/* Each of those that fit now, in their order, from behind a key (none: from the first), some a turn of the loop; borrowed while `each`
 * runs, whose false ends the walk. Then `done`. One walk at a time. */
struct look_steps {
	bool (*each)(struct errand *errand, struct bytes key, const struct suppression *entry);
	void (*done)(struct errand *errand);
};
void look_walk(struct errand *errand, struct bytes behind, const struct look_steps *steps);
/* Does any fit from *cursor on? It goes on to the first that does. */
#define LOOK_CURSOR_MAX (STORE_KEY_MAX + 1)
struct look_cursor {
	uint8_t key[LOOK_CURSOR_MAX];
	size_t len;
};
bool look_is_any_left(struct look *look, struct look_cursor *cursor);

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
