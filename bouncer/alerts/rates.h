/* Rates as they rise and fall: each alert of the settings counts for every group of whom it is about (a campaign of a tenant; a source
 * at a site), in memory that is bounded: when there are too many groups, the one without news for longest makes room, unless it is
 * raised. Pure but for memory; used on one thread.
 *
 *   quiet --matched/total >= raise--> raised --<= clear, or its brake is over--> quiet */
#ifndef LEVERET_BOUNCER_ALERTS_RATES_H
#define LEVERET_BOUNCER_ALERTS_RATES_H

#include <sys/queue.h>

#include "bouncer/alerts/alert_rule.h"
#include "bouncer/alerts/alert_window.h"

#define ALERT_GROUPS_MAX 50000
#define ALERT_KEY_MAX	 2048 /* an alert's name and the values, each with a NUL behind it */

/* What is still to be done about a change, so that it is done after a crash, too. */
enum { TODO_TELL_RAISED = 1, TODO_TELL_CLEARED = 2, TODO_ACT = 4 };

struct alert_group { /* the holder may change todo and acts_until_wall_ms, and then calls rates_touch() */
	const struct alert_rule *rule;
	uint64_t id; /* the same for the same group, always */
	struct alert_window window;
	bool is_raised, has_acted; /* has_acted: since it was raised */
	uint8_t todo;
	int64_t since_wall_ms;	    /* raised; kept when it is over */
	int64_t acts_until_wall_ms; /* what follows is over then; 0: no end, or nothing follows */
	struct bytes by[BY_COUNT];  /* into key */
	/* private */
	bool is_touched;
	void *slot;
	TAILQ_ENTRY(alert_group) by_use, touched;
	struct bytes key;
};

struct rates_handler { /* static; from inside rates_note() and rates_look(), which go on behind it */
	void (*raised)(void *owner, struct alert_group *group);
	void (*cleared)(void *owner, struct alert_group *group);
};

struct rates;
/* The rules are borrowed. */
struct rates *rates_new(const struct alert_rules *rules, size_t group_max,
			const struct rates_handler *handler, void *owner);
void rates_free(struct rates **rates);

void rates_note(struct rates *rates, const struct sighting *sighting, int64_t wall_ms);
/* Now and then: what has fallen is cleared, and what is quiet is forgotten. */
void rates_look(struct rates *rates, int64_t wall_ms);
/* Forgets all counts of it; cleared when it was raised. */
void rates_reset(struct rates *rates, struct alert_group *group);

struct alert_group *rates_find(const struct rates *rates, uint64_t id); /* NULL: none */
size_t rates_count(const struct rates *rates);
uint64_t rates_dropped(const struct rates *rates); /* groups that made room with counts */
/* Those used last come last. The group may be reset meanwhile. */
void rates_each(struct rates *rates, void (*each)(void *owner, struct alert_group *group),
		void *owner);

/* ---- keeping it ---- */

void rates_touch(struct rates *rates, struct alert_group *group);
/* One that has changed since it was kept, which it is now; NULL: none. */
struct alert_group *rates_next_touched(struct rates *rates);
/* One that is no more; false: none. */
bool rates_next_gone(struct rates *rates, uint64_t *ret_id);

#define ALERT_ROW_MAX (ALERT_WINDOW_BYTES + 32 + ALERT_KEY_MAX)
size_t alert_row_write(const struct alert_group *group, uint8_t out[ALERT_ROW_MAX]);
/* E_MALFORMED. E_NOT_FOUND: the settings have no such alert any more. E_TIMEOUT: it says nothing any more. E_FULL. */
enum err rates_take_row(struct rates *rates, struct bytes row, int64_t wall_ms) MUST_USE;
/* What a row tells, for who only reads: the texts are the row's. */
struct alert_row {
	struct bytes name;
	uint64_t matched, total;
	struct alert_group group; /* key and texts are the row's */
};
enum err alert_row_read(const struct alert_rules *rules, struct bytes row, int64_t wall_ms,
			struct alert_row *ret) MUST_USE;

#endif
