/* What operators and the bouncer keep back for a time: the SUSPEND rows of the table of directives, in memory so that each message can
 * be asked about. A pool, a site, a source, a tenant or a campaign may be suspended, or several of them together: then what fits all.
 * Pure but for suspensions_read(); used on one thread. */
#ifndef LEVERET_BROKER_SUSPENSIONS_H
#define LEVERET_BROKER_SUSPENSIONS_H

#include "broker/replica.h"
#include "schemas/schemas.h"

#define SUSPENSION_TAIL "tail" /* as `site`: all destinations that are no named site */

struct suspension {
	struct directive
		directive; /* SUSPEND, or the RESUME that took its place; until_wall_ms 0: until then */
	uint64_t version;
	struct bytes key;
};
/* Of whom it is asked; fields that are not known are none, and fit only what does not name them. */
struct suspension_subject {
	struct bytes pool, site, source, tenant,
		campaign; /* site: a named one, or a domain of the tail */
};

struct suspensions;
struct suspensions *suspensions_new(void);
void suspensions_free(struct suspensions **suspensions);
/* An entry of the table, copied; others than suspensions are passed over, and an older version of a key. */
void suspensions_note(struct suspensions *suspensions, const struct table_entry *entry);
/* All of them anew. When the copy cannot be read, what was known stays. */
void suspensions_read(struct suspensions *suspensions, struct replica *directives);

/* The one in force that fits and lasts longest; NULL: none. Borrowed until the next note or read. */
const struct suspension *suspensions_find(const struct suspensions *suspensions,
					  const struct suspension_subject *subject,
					  int64_t now_wall_ms);
/* All rows in order of their coming, also those that are over; NULL behind the last. */
const struct suspension *suspensions_at(const struct suspensions *suspensions, size_t index);
/* The row of the same pool, site, source, tenant and campaign, over or not; NULL: none. */
const struct suspension *suspensions_same(const struct suspensions *suspensions,
					  const struct directive *directive);

bool suspension_is_in_force(const struct suspension *suspension, int64_t now_wall_ms);
/* It keeps back all of the queues of a pool or a named site, so that these need not be read. */
bool suspension_stops_queues(const struct suspension *suspension);
bool suspension_site_is_domain(struct bytes site); /* of the tail: named sites have no dot */

#endif
