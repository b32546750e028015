/* Sites that are lent: lent-1, lent-2 ... have the settings of `default`, no domains, and a queue of their own for each pool. While mail of
 * one domain of the tail piles up, that domain has one of them to itself. Names that begin so are for them. Pure. */
#ifndef LEVERET_LIB_ROUTING_LENT_H
#define LEVERET_LIB_ROUTING_LENT_H

#include "lib/routing/routing.h"

#define LENT_PREFIX "lent-"
#define LENT_MAX    16
#define LENT_ANY    "lent" /* asked for: whichever is free */

/* Behind the sites of the settings; those that are there already stay. Before routing_new(). */
void lent_add(struct arena *arena, struct routing_settings *settings, size_t count);
/* A site of a file that has such a name is a fault. */
void lent_check(struct conf *conf, const struct conf_items *sites);
/* For the table of `sites`: one that lent_add() made. */
bool lent_is_made(const void *site);
/* "lent-3" is 2; -1: it is no such name. */
int lent_index(const char *site);
void lent_name(int index, char out[ROUTING_NAME_MAX + 1]);

#endif
