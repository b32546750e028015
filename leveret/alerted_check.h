/* What the settings of shaping rules and of alerts must be to one another. */
#ifndef LEVERET_LEVERET_ALERTED_CHECK_H
#define LEVERET_LEVERET_ALERTED_CHECK_H

#include "lib/conf/conf.h"

/* sites: struct site_settings. alerts: struct alert_settings. A rule names an alert that is watched, and does only what is of whom that is
 * counted by. */
void alerted_check(struct conf *conf, const struct conf_items *sites,
		   const struct conf_items *alerts);

#endif
