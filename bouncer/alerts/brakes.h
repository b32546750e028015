/* Suspensions that the bouncer writes into the table of directives: brakes of alerts, and SUSPEND and RESUME that others ask of it. The
 * table is followed, so that a new row always has a higher version than the one it takes the place of, whoever wrote that, and so
 * that it is known when somebody resumes. What fails for now is tried again until it is kept. Used on one loop. */
#ifndef LEVERET_BOUNCER_ALERTS_BRAKES_H
#define LEVERET_BOUNCER_ALERTS_BRAKES_H

#include "broker/broker.h"
#include "schemas/schemas.h"

#define BRAKE_BY "alert " /* and its name: who suspended it */

struct brakes;
struct brakes *brakes_new(struct broker *broker, struct loop *loop);
/* Before the broker is closed: nothing is tried again any more, E_CANCELLED. */
void brakes_stop(struct brakes *brakes);
void brakes_free(struct brakes **brakes); /* after the broker was closed */
/* Whoever wants to know that something is resumed, and when that was asked; also what was resumed before, after each connection. */
void brakes_watch(struct brakes *brakes,
		  void (*resumed)(void *owner, const struct directive *directive, int64_t wall_ms),
		  void *owner);

/* `wish` (copied) is a SUSPEND or RESUME. `done` comes once the table is known and the row kept, maybe from inside the call: OK,
 * E_TOO_BIG, E_CANCELLED. */
void brakes_put(struct brakes *brakes, const struct directive *wish,
		void (*done)(void *owner, enum err err), void *owner);
/* As brakes_put, but what is suspended already, for as long or longer, stays as it is, and a RESUME ends only what an alert did. */
void brakes_apply(struct brakes *brakes, const struct directive *wish,
		  void (*done)(void *owner, enum err err), void *owner);

#endif
