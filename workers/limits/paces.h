/* Paces by name, for limits that come and go with the mail: those of tenants and campaigns at a site. One that nobody holds is kept
 * until it could not matter any more, so that leaving and coming back gains nothing. Lives on one loop. */
#ifndef LEVERET_WORKERS_LIMITS_PACES_H
#define LEVERET_WORKERS_LIMITS_PACES_H

#include "workers/limits/pace.h"

struct paces;
struct paces_options {
	struct loop *loop;
	struct broker *broker; /* for those that are shared; NULL: none is */
	void (*changed)(void *owner);
	void *owner;
};
struct paces *paces_new(const struct paces_options *options);
void paces_free(struct paces **paces); /* after all are given back */
/* The pace of this name, new or old; given back by paces_give(). Rate 0: NULL, there is none to keep. */
struct pace *paces_take(struct paces *paces, const char *name, bool is_shared, conf_rate rate);
void paces_give(struct paces *paces, struct pace **pace); /* NULL inside: nothing to do */

#endif
