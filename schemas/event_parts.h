/* What events tell beside a result or a suppression; a part of schemas.h. */
#ifndef LEVERET_SCHEMAS_EVENT_PARTS_H
#define LEVERET_SCHEMAS_EVENT_PARTS_H

#include "lib/base/bytes.h"

/* Of whom a rate was too high, or is no more (`alerts` in the settings). */
struct alert_state {
	struct bytes id, alert, state, measure;
	struct bytes tenant, campaign, pool, site, source, sender_domain;
	uint64_t matched, total, rate_ppm, raise_ppm, window_ms;
	int64_t since_wall_ms;
	struct bytes action;
	int64_t until_wall_ms;
};

/* What a shaping rule did, or what is over of it. */
struct shaping_event {
	struct bytes id, action, scope, rule;
	struct bytes site, source, host, tenant, campaign;
	uint64_t value;
	struct bytes argument;
	uint64_t period_ms;
	int64_t until_wall_ms;
	struct bytes step;
	uint32_t code;
	struct bytes enhanced, text;
	uint64_t count, replies;
	struct bytes reason, worker;
};

#endif
