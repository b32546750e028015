/* The sites of large providers that are built into the program: each a settings text with an entry of `sites` of its own name. */
#ifndef LEVERET_LIB_ROUTING_SHIPPED_H
#define LEVERET_LIB_ROUTING_SHIPPED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/conf/shipped.h"

extern const struct shipped_file shipped_sites[];
extern const size_t shipped_site_count;

bool shipped_site_is(const char *name);

#endif
