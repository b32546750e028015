/* The time zones of the system, by name: those of recipients are not known before their mail comes, and the loop reads no files then. About
 * a megabyte. Never changed once made. */
#ifndef LEVERET_WORKERS_DELIVERY_ZONES_H
#define LEVERET_WORKERS_DELIVERY_ZONES_H

#include "lib/base/zone.h"

struct zones;
/* All that can be read below the directory; what cannot is left out. Reads files: not on a loop that is at work. */
struct zones *zones_new(const char *directory);
void zones_free(struct zones **zones);
/* False: there is none of this name. "UTC" is NULL. */
bool zones_find(const struct zones *zones, struct bytes name, const struct zone **ret);
size_t zones_count(const struct zones *zones);

#endif
