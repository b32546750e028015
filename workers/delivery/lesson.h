/* A LEARN on its way to the bouncer: what a worker found out of a domain. What the broker does not keep is found out again. */
#ifndef LEVERET_WORKERS_DELIVERY_LESSON_H
#define LEVERET_WORKERS_DELIVERY_LESSON_H

#include "workers/delivery/posting.h"

/* Texts are copied; `site` "": to none any more. until_wall_ms 0: the bouncer decides. */
void lesson_tell(struct postings *postings, const char *domain, const char *site,
		 int64_t until_wall_ms, const char *by);

#endif
