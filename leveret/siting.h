/* Sites as verbs name them, and their limits that were changed at run time as verbs print them. */
#ifndef LEVERET_LEVERET_SITING_H
#define LEVERET_LEVERET_SITING_H

#include "broker/site_limits.h"
#include "leveret/program.h"

/* The site key of a site's name, or of a recipient's domain by the settings. False: there is no such site, told on standard error. */
bool siting_find(const struct errand *errand, const char *asked, char out[ROUTING_NAME_MAX + 2]);

/* "site gmail: connections=5 rate=100/min: by ada, until ...: reason", a line; the same as a JSON object. */
void site_limit_print(const struct site_limit *limit);
void site_limit_print_json(const struct site_limit *limit);

/* Members of JSON objects: `"name":"value"`, and the time or null. */
void siting_json_text(const char *name, struct bytes value);
void siting_json_time(const char *name, int64_t wall_ms);

#endif
