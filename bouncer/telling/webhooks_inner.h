/* Inside of the webhooks: what there is (webhooks.c), and changes on their way (webhook_puts.c). */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOKS_INNER_H
#define LEVERET_BOUNCER_TELLING_WEBHOOKS_INNER_H

#include <sys/queue.h>

#include "bouncer/telling/webhook_leavers.h"
#include "bouncer/telling/webhook_states.h"
#include "bouncer/telling/webhook_table.h"
#include "bouncer/telling/webhooks.h"

struct webhook_item {
	struct arena *arena; /* of the row and what is made of it; NULL: of the settings */
	struct webhook_row row;
	struct webhook *webhook;
	bool is_seen; /* while the table is read */
};

struct webhook_waiter { /* for a webhook's queue */
	char name[WEBHOOK_ROW_NAME_MAX + 1];
	struct webhooks *webhooks;
	bool is_kept; /* in the table */
	void (*done)(void *owner, enum err err);
	void *owner;
	LIST_ENTRY(webhook_waiter) next;
};

struct webhooks {
	struct webhooks_options options;
	struct webhook_item *items;
	size_t count;
	struct timer *look; /* once, for those that need not be waited for */
	bool is_ready;
	struct webhook_table *table;
	struct webhook_states *states;
	struct webhook_leavers *leavers;
	LIST_HEAD(, webhook_waiter) waiters;
};

const char *webhook_item_name(const struct webhook_item *item);
/* NULL: there is none. Until the next change. */
struct webhook_item *webhooks_item(const struct webhooks *webhooks, struct bytes name);

/* webhook_puts.c */
void webhooks_put_mode(struct webhooks *webhooks, const struct webhook_item *item,
		       enum webhook_mode mode, void (*done)(void *owner, enum err err),
		       void *owner);
/* Of the webhook of that name; NULL: all. */
void webhooks_end_waiters(struct webhooks *webhooks, const char *name, enum err err);

#endif
