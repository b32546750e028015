/* Inside the shaper: what shaper.c and judging.c share. */
#ifndef LEVERET_WORKERS_DELIVERY_SHAPER_INNER_H
#define LEVERET_WORKERS_DELIVERY_SHAPER_INNER_H

#include "workers/delivery/shaper.h"
#include "workers/delivery/shaper_kept.h"

struct shaper {
	struct shaper_options options;
	struct shaping_rules *rules;
	struct shaping_scratch *scratch;
	struct shaping_force *force;
	struct learned_set *learned;
	struct shaper_kept *kept; /* NULL: there is no store */
	struct timer *expiry;
	bool has_ended; /* something, in this look at the time */
	void (*watch)(void *owner, const char *site);
	void *watch_owner;
	void (*tell)(void *owner, const struct shaping_fired *fired,
		     const struct shaping_facts *facts);
	void *tell_owner;
	const struct shaper_reporter *reporter; /* NULL: nobody is told */
	void *reporter_owner;
};

void shaper_changed(struct shaper *shaper, const char *site); /* NULL: anywhere */
void shaper_report_end(const struct shaper *shaper, const struct shaping_entry *entry,
		       const char *reason);

#endif
