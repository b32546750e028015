/* Paces by name, for limits that come and go with the mail: those of tenants and campaigns at a site. One that nobody holds is kept
 * until it could not matter any more, so that leaving and coming back gains nothing. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_PACES_H
#define LEVERET_WORKERS_LIMITS_PACES_H

#include "workers/limits/tempo.h"

struct tempos;
struct tempos_options {
	struct loop *loop;
	struct broker *broker; /* for those that are shared; NULL: none is */
	void (*changed)(void *owner);
	void *owner;
};
struct tempos *tempos_new(const struct tempos_options *options);
void tempos_free(struct tempos **tempos); /* after all are given back */
/* The tempo of this name, new or old; given back by tempos_give(). Rate 0: NULL, there is none to keep. */
struct tempo *tempos_take(struct tempos *tempos, const char *name, bool is_shared, conf_rate rate);
void tempos_give(struct tempos *tempos, struct tempo **tempo); /* NULL inside: nothing to do */

#endif
