/* What an event says to those who count: what became of a message, and whose it was. Pure. */
#ifndef LEVERET_BOUNCER_ALERTS_SIGHTING_H
#define LEVERET_BOUNCER_ALERTS_SIGHTING_H

#include "lib/report/class.h"
#include "schemas/schemas.h"

enum alert_by {
	BY_TENANT,
	BY_CAMPAIGN,
	BY_POOL,
	BY_SITE,
	BY_SOURCE,
	BY_SENDER_DOMAIN,
	BY_COUNT,
};
const char *alert_by_name(enum alert_by by); /* "tenant", as in the settings */

struct sighting { /* texts are the event's */
	enum bouncer_event_kind
		kind; /* delivered, deferred, bounced, expired, complained, unsubscribed */
	enum bounce_class class; /* of what failed */
	enum bounce_family family;
	bool is_returned; /* it came back later: its message was counted as delivered before */
	struct bytes by[BY_COUNT];
};
/* False: it says nothing of a rate. */
bool sighting_of(const struct bouncer_event *event, struct sighting *ret);

#endif
