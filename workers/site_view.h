/* Answers "site": what this worker has and knows of one site. The question's rest is "json" or "text", a line's end, and the site: a
 * named one or a domain. Lives on one loop. */
#ifndef LEVERET_WORKERS_SITE_VIEW_H
#define LEVERET_WORKERS_SITE_VIEW_H

#include "broker/questions.h"
#include "workers/delivery/lanes.h"
#include "workers/delivery/last_replies.h"

#define SITE_QUESTION "site"

struct site_view { /* borrowed, all of it */
	struct loop *loop;
	const char *worker_name;
	const struct lanes *lanes;
	const struct shaper *shaper; /* NULL: nothing is shaped */
	const struct last_replies *replies;
};
void site_view_listen(struct site_view *view, struct questions *questions);

#endif
