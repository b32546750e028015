/* The `broker:` section of the settings file. */
#ifndef LEVERET_BROKER_SETTINGS_H
#define LEVERET_BROKER_SETTINGS_H

#include "lib/conf/conf.h"

struct broker_settings {
#define X(field, type, ...) conf_##type field;
#include "broker/settings.def"
#undef X
};

extern const struct conf_section broker_section;

/* DIRECTORY of an embedded:DIRECTORY url; NULL: the broker is another one. Borrowed from the settings. */
const char *broker_directory(const struct broker_settings *settings);

#endif
