/* Changing many entries by a filter: lifting them (undo), or deciding on those that are held. The whole ledger is walked in steps;
 * each step's changes are kept before the next begins, so neither the loop waits nor the broker is flooded. What changed since it was
 * looked at is left alone. Doing it again does no harm, which is what happens when it is interrupted. Used on one loop. */
#ifndef LEVERET_BOUNCER_SUPPRESSIONS_SWEEP_H
#define LEVERET_BOUNCER_SUPPRESSIONS_SWEEP_H

#include "bouncer/suppressions/ledger.h"

enum sweep_act {
	SWEEP_LIFT,    /* what is in force */
	SWEEP_RELEASE, /* what is held comes into force */
	SWEEP_DROP,    /* what is held is forgotten */
};

struct sweep_options {
	struct loop *loop;
	struct store *store;
	struct ledger *ledger;
	enum sweep_act act;
	const struct suppression_filter *filter; /* copied */
	struct bytes by;			 /* who asked; copied */
};
struct sweep;
/* `done` comes once, never from inside, and frees the sweep: OK, or the first error of ledger_record(); `count` entries were changed. */
struct sweep *sweep_start(const struct sweep_options *options,
			  void (*done)(void *owner, enum err err, uint64_t count), void *owner);
/* After the ledger has stopped: `done` with E_CANCELLED, now or with what the ledger still owes. */
void sweep_cancel(struct sweep *sweep);

#endif
