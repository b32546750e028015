/* Alerts at work: what the bouncer tells others is counted, what rises is told, in the log, in /metrics and as an event, and braked or
 * slowed where the settings say so. Counts are written every few seconds and read again at the start; a crash loses the last. What was
 * to be told or done when it crashed is done at the start, so an event may come twice, under one id. Used on one loop.
 *
 *   event -> sighting -> rates --raised--> row kept; event; SUSPEND in the table of directives, or a word to the workers
 *                              --cleared-> row kept; event */
#ifndef LEVERET_BOUNCER_ALERTS_ALERTS_H
#define LEVERET_BOUNCER_ALERTS_ALERTS_H

#include "bouncer/alerts/brakes.h"
#include "bouncer/alerts/rates.h"
#include "bouncer/telling/teller.h"
#include "lib/shaping/rules.h"
#include "lib/store/store.h"

#define ALERTS_DATABASE "alerts" /* by id, 8 bytes */

struct alerts_options { /* borrowed */
	struct broker *broker;
	struct loop *loop;
	struct store *store; /* with ALERTS_DATABASE */
	struct teller *teller;
	struct brakes *brakes;
	const struct conf_items *settings;   /* struct alert_settings; NULL: none */
	const struct shaping_rules *shaping; /* some name alerts; NULL: none */
};
struct alerts;
struct alerts *alerts_new(const struct alerts_options *options);
void alerts_take_up(struct alerts *alerts); /* once whoever is told is there */
void alerts_stop(struct alerts *alerts);    /* before the teller, the brakes and the broker */
void alerts_free(struct alerts **alerts);   /* writes what is left */

void alerts_note(void *owner, const struct bouncer_event *event); /* for teller_watch() */

/* Clears all raised ones that have this id, or name, and lifts their brakes. Returns how many. */
size_t alerts_clear(struct alerts *alerts, struct bytes which, struct bytes by);
/* Tells an event as if it were raised. False: there is no alert of that name. */
bool alerts_test(struct alerts *alerts, struct bytes name, struct bytes by);
/* Each that is raised; the state is borrowed. */
void alerts_each(struct alerts *alerts, void (*each)(void *owner, const struct alert_state *state),
		 void *owner);

/* What is told of a group. The texts are the group's, or in the scratch. Pure. */
struct alert_scratch {
	char id[17];
	char text[1000];
};
void alert_state_of(const struct alert_group *group, const char *state, uint64_t matched,
		    uint64_t total, struct alert_scratch *scratch, struct alert_state *ret);
/* For people: "hard: 30 of 150 (20%) in 1h, tenant acme, campaign spring". */
const char *alert_text(const struct alert_state *state, struct alert_scratch *scratch);

#endif
