/* The rules of all `sites.<name>.replies`, and the built-in ones, in the order they are asked. */
#ifndef LEVERET_LIB_ROUTING_REPLIES_H
#define LEVERET_LIB_ROUTING_REPLIES_H

#include "lib/shaping/rules.h"

/* sites: struct site_settings. As shaping_rules_new(), which this calls: all is borrowed. */
enum err replies_rules_new(const struct shaping_settings *settings, const struct conf_items *sites,
			   struct shaping_rules **ret, FILE *faults, struct why *why) MUST_USE;

#endif
