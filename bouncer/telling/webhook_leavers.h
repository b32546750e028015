/* Queues of webhooks that nobody knows any more: deleted a week after the webhook left the settings, and at once when the API deleted it,
 * so that they do not grow for ever. The store remembers which webhooks there were. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_LEAVERS_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_LEAVERS_H

#include "broker/broker.h"
#include "lib/store/store.h"

struct webhook_leavers;
/* The store has WEBHOOKS_DATABASE. Is the webhook of that name known? */
struct webhook_leavers *webhook_leavers_new(struct loop *loop, struct broker *broker,
					    struct store *store,
					    bool (*is_known)(void *owner, struct bytes name),
					    void *owner);
void webhook_leavers_free(struct webhook_leavers **leavers); /* after the broker was closed */
/* It was deleted on purpose. */
void webhook_leavers_add(struct webhook_leavers *leavers, const char *name);

#endif
