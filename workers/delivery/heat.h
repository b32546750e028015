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
	/* A site that is lent has another domain; `before` is whose it was, "" when that is not known. NULL: nobody asks. */
	void (*handed)(void *owner, const char *site, const char *domain, const char *before);
	void *owner;
};
struct heat *heat_new(const struct heat_options *options);
void heat_free(struct heat **heat);

/* A domain of the tail, or a site that is lent, has much to do. Called as often as one likes; now_ms by any clock that does not go back. */
void heat_note(struct heat *heat, const char *site, int64_t now_ms);
/* Mail of this domain, to which the site is lent, was taken under it. */
void heat_see(struct heat *heat, const char *site, const char *domain);
/* Whose it is, by what was seen; "": nobody's yet, or it is no site that is lent. */
const char *heat_domain(const struct heat *heat, const char *site);

#endif
