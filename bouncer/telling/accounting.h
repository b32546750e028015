/* One accounting file: a queue of its own gets the events, their lines are gathered and written on a thread beside the loop, then the leases
 * are acknowledged. A disk that is full or away is tried again every few seconds, and the events wait in their queue. Each event is
 * written once at least: after a crash lines of a second or so may come again. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_ACCOUNTING_H
#define LEVERET_BOUNCER_TELLING_ACCOUNTING_H

#include "bouncer/telling/accounting_settings.h"
#include "broker/broker.h"

#define ACCOUNTING_QUEUE_PREFIX "accounting."

struct accounting;
struct accounting *accounting_new(struct loop *loop, struct broker *broker,
				  const struct routing *routing,
				  const struct accounting_settings *settings);
void accounting_reopen(struct accounting *accounting); /* its file, soon */
/* What was gathered is written. Before the broker is closed. */
void accounting_stop(struct accounting *accounting);
void accounting_free(struct accounting **accounting);

#endif
