/* Which mail a verb means: of a pool and a site, a tenant, a campaign, a recipient's domain, and how old. Pure. */
#ifndef LEVERET_LEVERET_SELECTION_H
#define LEVERET_LEVERET_SELECTION_H

#include "lib/routing/routing.h"
#include "schemas/schemas.h"

struct selection { /* what is none fits all */
	struct bytes pool, site, tenant, campaign, domain;
	int64_t accepted_before_wall_ms; /* 0: whenever it was */
};

/* Of mail that waits, its queue: a named site, "tail", or a domain. */
bool selection_fits_queue(const struct selection *selection, const struct routing *routing,
			  const struct delivery_request *mail);
bool selection_fits_mail(const struct selection *selection, const struct delivery_request *mail);
bool selection_fits_recipient(const struct selection *selection, const struct recipient *recipient);

#endif
