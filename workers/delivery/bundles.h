/* Cutting a request's recipients into transactions: one next hop each, and no more recipients than the site takes at once. Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_BUNDLES_H
#define LEVERET_WORKERS_DELIVERY_BUNDLES_H

#include <stdbool.h>
#include <stddef.h>

struct route_settings;
struct addressee {
	size_t index; /* of the recipient in its request */
	const char *next_hop;
	const struct route_settings *route; /* to its host; NULL: by MX */
};
struct bundle_cut { /* a run of addressees, never empty */
	size_t first, count;
};

/* Sorts the addressees by next hop, keeping their order within one. `cuts` has room for `count`; returns how many were made. */
size_t bundles_cut(struct addressee *addressees, size_t count, size_t recipients_max,
		   struct bundle_cut *cuts);

#endif
