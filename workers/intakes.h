/* What a worker takes: a consumer for each of its queues, made one after the other. Those whose site is parked, or of which all is
 * suspended, pause: their mail stays for others, or where it is. Lives on one loop. */
#ifndef LEVERET_WORKERS_INTAKES_H
#define LEVERET_WORKERS_INTAKES_H

#include "broker/suspensions.h"
#include "workers/delivery/settings.h"
#include "workers/delivery/sources.h"
#include "workers/queues.h"

struct intakes;
struct intakes_options { /* all borrowed */
	struct loop *loop;
	struct broker *broker;
	const struct worker_settings *settings;
	const struct suspensions *suspensions;
	const struct sources *sources;
	/* Takes the lease; the pool is one of the settings. */
	void (*taken)(void *owner, const char *pool, struct lease *lease);
	void *owner;
};
/* Takes the queues over. */
struct intakes *intakes_new(const struct intakes_options *options, struct worker_queues *queues);
/* Takes nothing any more: before broker_close(). What it tells of queues stays. */
void intakes_end(struct intakes *intakes);
void intakes_free(struct intakes **intakes);

void intakes_start(struct intakes *intakes); /* only the first call does something */
void intakes_stop(struct intakes *intakes);  /* for ever */
/* False: the site has no queue here. */
bool intakes_park(struct intakes *intakes, const char *site, bool is_parked);
void intakes_heed(struct intakes *intakes); /* the suspensions may have changed */

/* Nothing of the pool and site may leave from this source now. Pure. */
bool intakes_source_is_suspended(const struct suspensions *suspensions, const struct source *source,
				 const char *pool, const char *site, int64_t now_wall_ms);

#endif
