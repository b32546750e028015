/* Domains of the tail whose mail piles up: the bouncer is asked to lend each a queue of its own (lib/routing/lent.h), and asked again while
 * there is mail in it. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_HEAT_H
#define LEVERET_WORKERS_DELIVERY_HEAT_H

#include "lib/routing/lent.h"
#include "workers/delivery/posting.h"
#include "workers/delivery/settings.h"

struct heat;
struct heat_options { /* all borrowed */
	struct loop *loop;
	const struct routing *routing;
	struct postings *postings;
	const struct worker_settings *settings;
	const char *worker_name;
};
struct heat *heat_new(const struct heat_options *options);
void heat_free(struct heat **heat);

/* A domain of the tail, or a site that is lent, has much to do. Called as often as one likes. */
void heat_note(struct heat *heat, const char *site);
/* Mail of this domain was taken under a site that is lent. */
void heat_see(struct heat *heat, const char *site, const char *domain);

#endif
