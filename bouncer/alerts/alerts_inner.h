/* Inside of alerts: alerts.c counts and tells, acting.c brakes, shaping.c has workers slow down and what else shaping rules do, keeping.c writes and reads the rows. */
#ifndef LEVERET_BOUNCER_ALERTS_ALERTS_INNER_H
#define LEVERET_BOUNCER_ALERTS_ALERTS_INNER_H

#include "bouncer/alerts/alerts.h"

struct keeping; /* a write under way */

#define ALERT_WORDS 64

struct alerts {
	struct alerts_options options;
	struct alert_rules rules;
	struct rates *rates;
	struct timer *look, *write;
	int database;
	struct keeping *keeping; /* NULL: nothing is being written */
	bool is_ending;
	uint64_t told_dropped;
	int64_t tell_dropped_at_ms;
	struct asking *words[ALERT_WORDS]; /* to the workers, the last ones */
	size_t word_count;
};

/* Something that is done about a group, by its id: it may be gone when it ends. */
struct chore;
struct chore *chore_new(struct alerts *alerts, const struct alert_group *group, uint8_t todo);
void chore_end(struct chore *chore, enum err err); /* after an error it stays to be done */

void alerts_act(struct alerts *alerts, struct alert_group *group);
/* shaping.c: words to the workers of what `slow` and shaping rules put in force, or that it is over. */
void alerts_shape(struct alerts *alerts, const struct alert_group *group);
void alerts_unshape(struct alerts *alerts, const struct alert_group *group);
void alerts_lift(struct alerts *alerts, const struct alert_group *group, struct bytes by);
void alerts_resumed(void *owner, const struct directive *directive, int64_t wall_ms);

void alerts_keeping_begin(struct alerts *alerts); /* reads what was kept */
void alerts_keep(struct alerts *alerts, bool at_once);
void alerts_keeping_end(struct alerts *alerts); /* writes what is left */

#endif
