/* Secrets come from a file or the environment, never from the settings file itself, and are never printed. */
#ifndef LEVERET_LIB_CONF_SECRET_H
#define LEVERET_LIB_CONF_SECRET_H

#include "lib/conf/value.h"

bool secret_read(const struct value_reading *reading, const struct tree_node *node, void *out);
/* Where it comes from, as YAML that reads back: {file: "/path"}. `node` NULL: no secret is set. */
void secret_write_origin(struct arena *arena, const struct tree_node *node, FILE *out);

#endif
