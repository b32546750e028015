/* The `accounting:` section: by name, files of what became of mail. */
#ifndef LEVERET_BOUNCER_TELLING_ACCOUNTING_SETTINGS_H
#define LEVERET_BOUNCER_TELLING_ACCOUNTING_SETTINGS_H

#include "lib/conf/conf.h"

enum accounting_format { ACCOUNTING_POWERMTA, ACCOUNTING_KUMOMTA }; /* order in accounting.def */

struct accounting_settings {
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "bouncer/telling/accounting.def"
#undef X
};
extern const struct conf_section accounting_section;

#endif
