/* A set of names with a value each, for look-ups by names that strangers choose: the hash is seeded per process. Names are
 * borrowed; the map owns only itself. The only door to uthash of this folder. */
#ifndef LEVERET_LIB_ROUTING_NAMES_H
#define LEVERET_LIB_ROUTING_NAMES_H

struct names;

struct names *names_new(void);
void names_free(struct names **names);
/* The value already there under this name, left as it is; NULL when the name was new. `value` is not NULL. */
const void *names_add(struct names *names, const char *name, const void *value);
const void *names_find(const struct names *names, const char *name); /* NULL when absent */

#endif
