/* Warm-up: what a new source may send to each site, by its age in days. A provider that meets full rates from an address that it has never
 * seen takes them for spam. Pure. */
#ifndef LEVERET_LIB_ROUTING_WARMUP_H
#define LEVERET_LIB_ROUTING_WARMUP_H

#include "lib/conf/conf.h"

#define WARMUP_DAYS 30 /* of the built-in curve */

struct warmup_settings {
#define X(field, type, ...) conf_##type field;
#include "lib/routing/warmup.def"
#undef X
};
extern const struct conf_section warmup_section; /* `warmup` of a source */

/* What may be sent in the day of now_wall_ms; 0: no limit. Before it begins, what the first day allows. */
conf_rate warmup_rate(const struct warmup_settings *warmup, int64_t now_wall_ms);
/* The built-in curve: `day` from 0 to WARMUP_DAYS - 1. */
conf_rate warmup_built_in(unsigned day);

#endif
