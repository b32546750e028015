/* What a rule may do, and for whom. */
#ifndef LEVERET_LIB_SHAPING_ACTION_H
#define LEVERET_LIB_SHAPING_ACTION_H

#include "lib/shaping/settings.h"

enum shaping_action {
#define X(kind, ...) SHAPING_##kind,
#include "lib/shaping/then.def"
#undef X
	SHAPING_ACTION_COUNT
};

enum shaping_scope {
	SCOPE_DELIVERY, /* the recipient that got the reply; all others stay in force for a time */
	SCOPE_LINK,	/* this source at this site */
	SCOPE_SITE,
	SCOPE_TENANT,	/* at this site */
	SCOPE_CAMPAIGN, /* at this site */
	SCOPE_HOST,	/* one MX host, whatever site it is asked for */
};

const char *shaping_action_name(enum shaping_action action); /* as in the settings: "slow_by" */
enum shaping_scope shaping_action_scope(enum shaping_action action);
/* Whom it is for, in a word: delivery, source, site, tenant, campaign, host. */
const char *shaping_scope_name(enum shaping_action action);
/* Its value is a percentage to take away, which is given back in a line when its time is over. */
bool shaping_action_goes_back(enum shaping_action action);
bool shaping_action_is_asked(const struct shaping_then *then, enum shaping_action action);
/* A rate per day, a percentage, ms, 1 for yes; 0 of texts. */
int64_t shaping_action_value(const struct shaping_then *then, enum shaping_action action);
/* The pool, the class; "" of others. */
const char *shaping_action_text(const struct shaping_then *then, enum shaping_action action);

#endif
