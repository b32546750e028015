/* The `returns:` section: what mail carries so that what comes back is known for ours. Workers write it, the bouncer reads it. */
#ifndef LEVERET_LIB_RETURNPATH_SETTINGS_H
#define LEVERET_LIB_RETURNPATH_SETTINGS_H

#include "lib/conf/conf.h"

#define RETURNS_TOKEN_MARK "{token}" /* in `path` and `unsubscribe_url` */

struct returns_settings {
#define X(field, type, ...) conf_##type field;
#include "lib/returnpath/returns.def"
#undef X
};
extern const struct conf_section returns_section;

#endif
