/* Which firings of shaping rules are worth an event: what puts something in force, and the first of any other kind, at once; then, while the
 * same goes on, one a minute that tells how many there were. Of a kind are those of one rule and one action for the same whom. Bounded; pure
 * but for its memory: the caller tells the time. */
#ifndef LEVERET_WORKERS_DELIVERY_FIRINGS_H
#define LEVERET_WORKERS_DELIVERY_FIRINGS_H

#include "schemas/schemas.h"

#define FIRINGS_MAX	 2000 /* kinds that fired in the last minute */
#define FIRINGS_EVERY_MS 60000

enum firing {
	FIRING_NOW,	/* to be told as it is */
	FIRING_LATER,	/* counted for its minute's end */
	FIRING_DROPPED, /* too many kinds: nobody will be told */
};

struct firings;
struct firings *firings_new(void);
void firings_free(struct firings **firings);

/* The event is borrowed. FIRING_NOW: its count tells those before that were not told, too. */
enum firing firings_note(struct firings *firings, struct shaping_event *event, int64_t now_ms);
/* Calls for each whose minute is over (INT64_MAX: for all; it is the end) and that fired in it: with the first reply since it was told last, its numbers as they are now, and
 * how many there were. What did not fire is forgotten. */
void firings_due(struct firings *firings, int64_t now_ms,
		 void (*each)(void *owner, const struct shaping_event *event), void *owner);
size_t firings_count(const struct firings *firings); /* kinds; 0: nothing will be due */

#endif
