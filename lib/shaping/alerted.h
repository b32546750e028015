/* What follows from an alert of the bouncer (docs/alerts.md), by the rules that name it in place of a reply. Pure. */
#ifndef LEVERET_LIB_SHAPING_ALERTED_H
#define LEVERET_LIB_SHAPING_ALERTED_H

#include "lib/shaping/judge.h"

/* Each action of the rules that name the alert, in the order of rules; of a kind the first rule's. facts: whom it was raised for (site,
 * source, tenant, campaign; "" for what it is not counted by), and its words in `text`. An alert that is of no site takes the rules of
 * every site, each at its own, and those of `default` at SHAPING_EVERYWHERE; kinds are then each site's own. What an action needs and the
 * alert is not counted by (shaping_alert_lacks) is passed over. `each` gets its facts with the site that it is for, borrowed. */
void shaping_alerted(const struct shaping_rules *rules, const char *alert,
		     const struct shaping_facts *facts,
		     void (*each)(void *owner, const struct shaping_fired *fired,
				  const struct shaping_facts *facts),
		     void *owner);
/* The longest `for` of rules that name it; 0: none does. */
int64_t shaping_alert_period_ms(const struct shaping_rules *rules, const char *alert);
/* The word for what it would have to be counted by ("source"), for this action; NULL: nothing is missing. */
const char *shaping_alert_lacks(enum shaping_action action, const struct shaping_facts *facts);

#endif
