/* The `alerts:` section: by name, which rates are watched, and what follows. What is shipped stands in alert_rule.c. */
#ifndef LEVERET_BOUNCER_ALERTS_ALERT_SETTINGS_H
#define LEVERET_BOUNCER_ALERTS_ALERT_SETTINGS_H

#include "lib/conf/conf.h"

enum { THEN_DEFAULT, THEN_OFF, THEN_TELL, THEN_BRAKE, THEN_SLOW }; /* order of `then` */

struct alert_settings { /* one entry */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "bouncer/alerts/alert.def"
#undef X
};
extern const struct conf_section alerts_section;

#endif
