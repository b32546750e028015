/* What the bouncer of this host keeps, for verbs that look into it. */
#ifndef LEVERET_LEVERET_BOUNCER_STORE_H
#define LEVERET_LEVERET_BOUNCER_STORE_H

#include "leveret/settings.h"
#include "lib/store/store.h"

/* NULL: no bouncer has run here, or (told on standard error) it cannot be read. */
struct store *bouncer_store_open(const struct settings *settings);

#endif
