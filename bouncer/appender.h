/* Entries on their way into the replicated tables of which only the tables themselves have a memory: recalls, learned sites. What fails
 * for now (broker away, no room) is tried again until it succeeds. Used on one loop. */
#ifndef LEVERET_BOUNCER_APPENDER_H
#define LEVERET_BOUNCER_APPENDER_H

#include "broker/broker.h"

struct appender;
struct appender *appender_new(struct broker *broker, struct loop *loop);
/* Before the broker is closed: nothing is tried again any more, E_CANCELLED. */
void appender_stop(struct appender *appender);
void appender_free(struct appender **appender); /* after the broker was closed */

/* The table's name is borrowed for ever, the entry is copied. E_TOO_BIG: it cannot be kept. E_CANCELLED: stopped. */
void appender_append(struct appender *appender, const char *table, const struct table_entry *entry,
		     void (*done)(void *owner, enum err err), void *owner);

#endif
