/* Limits of a site as words: "connections=5 rate=100/min", as operators set them at run time over what the settings say. Pure. */
#ifndef LEVERET_LIB_ROUTING_LIMITING_H
#define LEVERET_LIB_ROUTING_LIMITING_H

#include "lib/conf/units.h"
#include "lib/routing/routing.h"

/* Names of the settings in site.def that may be set so; NULL behind the last. */
extern const char *const limiting_names[];

/* The value of limiting_names[index], as operators write it. */
void limiting_write(const struct site_settings *site, size_t index, char out[UNITS_TEXT_SIZE]);
bool limiting_is_rate(size_t index);

/* Every one of them is the same. */
bool limiting_is_same(const struct site_settings *left, const struct site_settings *right);

/* All words or none. E_MALFORMED: an unknown name, a value that is none or out of the setting's bounds. */
enum err limiting_apply(struct bytes words, struct site_settings *into, struct why *why) MUST_USE;

#endif
