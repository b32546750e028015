/* What replies have taught about one source at one site: how many sessions it may have, how fast it may send, which rules count towards
 * their `after`. Kept while it is used, and LEARNED_KEPT_MS longer; bounded. Pure but for its memory: the caller tells the time. */
#ifndef LEVERET_WORKERS_DELIVERY_LEARNED_H
#define LEVERET_WORKERS_DELIVERY_LEARNED_H

#include "lib/routing/routing.h"
#include "lib/shaping/feedback.h"
#include "lib/shaping/force.h"
#include "lib/shaping/pace.h"

#define LEARNED_KEPT_MS (60 * 60 * INT64_C(1000))
#define LEARNED_MAX	20000 /* that nobody uses: the longest unused go first */

struct lesson { /* what is worth keeping of it; rates per minute */
	unsigned sessions, ceiling, patience;
	double rate, rate_ceiling;
};
struct learned {
	char *key;
	const char *source, *site; /* in the key */
	struct feedback_limits limits;
	struct feedback feedback;
	struct pace pace;
	struct shaping_state *state; /* NULL until a reply is judged */
	bool is_new;		     /* nobody has looked whether it was learned before */
	struct lesson kept;	     /* as it was last written down, or as it began */
	int64_t kept_at_ms;	     /* 0: never */
	double slow_from;	     /* per minute, when slow_by began; 0: it is not in force */
	size_t use_count;
	int64_t used_at_ms;
	struct learned *next, **link; /* of those that nobody uses, the longest unused first */
};

struct learned_set;
struct learned_set *learned_set_new(void);
void learned_set_free(struct learned_set **set);
size_t learned_set_count(const struct learned_set *set);

/* Names are copied; given back as often as taken. */
struct learned *learned_take(struct learned_set *set, const char *source,
			     const struct site_settings *settings, const char *site,
			     int64_t now_ms);
/* Limits of the settings that were changed at run time. */
void learned_limit(struct learned *learned, const struct site_settings *settings);
void learned_give(struct learned_set *set, struct learned *learned, int64_t now_ms);
void learned_forget_old(struct learned_set *set, int64_t now_ms);
void learned_each(const struct learned_set *set, void (*each)(void *owner, struct learned *learned),
		  void *owner);
/* Those of a site and a source ("": of all) try with one session. */
void learned_probe(struct learned_set *set, const char *site, const char *source);

struct lesson learned_lesson(const struct learned *learned);
void learned_resume(struct learned *learned, const struct lesson *lesson, int64_t now_ms);

/* What shaping rules say of the source at the site, heeded from now on. */
void learned_heed(struct learned *learned, const struct shaping_answer *answer, int64_t now_ms);
/* Sessions that may be open: at least 1. */
size_t learned_sessions(const struct learned *learned, const struct shaping_answer *answer);
/* A session was refused before mail was spoken of. True: so many in a row that the site is to be left alone for a while; then it is tried
 * with one session. */
bool learned_trouble(struct learned *learned);

#endif
