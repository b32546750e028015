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

void bundles_sort(struct addressee *addressees,
		  size_t count); /* by next hop, keeping their order within one */
/* How many of the first of them, at least one, make one transaction; `count` is not 0. */
size_t bundles_run(const struct addressee *addressees, size_t count, size_t recipients_max);

#endif
