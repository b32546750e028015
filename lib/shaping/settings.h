/* The settings of shaping rules: `sites.<name>.replies`, `shaping`, and the files of configs/shaping/, which have the same rules. */
#ifndef LEVERET_LIB_SHAPING_SETTINGS_H
#define LEVERET_LIB_SHAPING_SETTINGS_H

#include "lib/conf/conf.h"
#include "lib/conf/shipped.h"

struct shaping_when {
#define X(field, type, ...) conf_##type field;
#include "lib/shaping/when.def"
#undef X
};
struct shaping_then {
#define X(kind, scope, field, type, ...) conf_##type field;
#include "lib/shaping/then.def"
#undef X
	conf_duration period; /* `for` */
	conf_number after;    /* so many replies ... */
	conf_duration within; /* ... in this time */
};
struct shaping_rule_settings {
#define X(field, type, ...) conf_##type field;
#include "lib/shaping/rule.def"
#undef X
	struct shaping_when when;
	struct shaping_then then;
};
struct shaping_settings {
#define X(field, type, ...) conf_##type field;
#include "lib/shaping/shaping.def"
#undef X
};
struct shaping_provider { /* a file of configs/shaping/ */
#define X(field, type, ...) conf_##type field;
#include "lib/shaping/provider.def"
#undef X
	struct conf_items rules; /* struct shaping_rule_settings */
};

extern const struct conf_section shaping_section;
extern const struct conf_section
	shaping_replies_section; /* a list of struct shaping_rule_settings */
extern const struct conf_section shaping_provider_section;

/* The files that are built into the program, in the order they are asked. */
extern const struct shipped_file shaping_files[];
extern const size_t shaping_file_count;

#define SHAPING_AFTER_MAX 100

bool shaping_is_step(const char *text); /* a name of a step, as results have it */

#endif
