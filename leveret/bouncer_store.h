/* The store of the bouncer on this host, for verbs that read it themselves; a bouncer may run meanwhile. */
#ifndef LEVERET_LEVERET_BOUNCER_STORE_H
#define LEVERET_LEVERET_BOUNCER_STORE_H

#include "leveret/settings.h"
#include "lib/store/store.h"

/* NULL: told on standard error. Its directory is the bouncer's own: nothing is made where there is none. */
struct store *bouncer_store_open(const struct settings *settings);

#endif
