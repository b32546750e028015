/* put -> in the table, and in this host's copy of it -> the queue is there -> done */
#include <stdio.h>
#include <string.h>

#include "bouncer/telling/webhooks_inner.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

void webhooks_end_waiters(struct webhooks *webhooks, const char *name, enum err err)
{
	struct webhook_waiter *waiter, *next;
	for (waiter = LIST_FIRST(&webhooks->waiters); waiter; waiter = next) {
		next = LIST_NEXT(waiter, next);
		if (!waiter->is_kept || (name && strcmp(waiter->name, name) != 0))
			continue;
		LIST_REMOVE(waiter, next);
		waiter->done(waiter->owner, err);
		free(waiter);
	}
}

void webhooks_put_mode(struct webhooks *webhooks, const struct webhook_item *item,
		       enum webhook_mode mode, void (*done)(void *owner, enum err err), void *owner)
{
	struct webhook_row row = item->row;
	row.name = bytes_of(webhook_item_name(item));
	row.mode = webhook_row_mode_of(mode);
	row.mode_since_wall_ms = loop_wall_ms(webhooks->options.loop);
	if (row.mode_since_wall_ms <= webhook_state(item->webhook)->mode_since_wall_ms)
		row.mode_since_wall_ms = webhook_state(item->webhook)->mode_since_wall_ms + 1;
	webhook_table_put(webhooks->table, &row, done, owner);
}

/* The row is in the table; the queue may be on its way. */
static void on_put(void *owner, enum err err)
{
	struct webhook_waiter *waiter = owner;
	const struct webhook_item *item = webhooks_item(waiter->webhooks, bytes_of(waiter->name));
	waiter->is_kept = true;
	if (!err && item && !webhook_is_subscribed(item->webhook))
		return;
	LIST_REMOVE(waiter, next);
	waiter->done(waiter->owner, err);
	free(waiter);
}

bool webhooks_is_changing(const struct webhooks *webhooks, struct bytes name)
{
	return webhook_table_is_changing(webhooks->table, name);
}

void webhooks_put(struct webhooks *webhooks, const struct webhook_row *row,
		  void (*done)(void *owner, enum err err), void *owner)
{
	struct webhook_waiter *waiter = memory_new(sizeof *waiter);
	*waiter = (struct webhook_waiter){.webhooks = webhooks, .done = done, .owner = owner};
	(void)snprintf(waiter->name, sizeof waiter->name, "%.*s", BYTES_ARGS(row->name));
	LIST_INSERT_HEAD(&webhooks->waiters, waiter, next);
	webhook_table_put(webhooks->table, row, on_put, waiter);
}

void webhooks_remove(struct webhooks *webhooks, struct bytes name,
		     void (*done)(void *owner, enum err err), void *owner)
{
	webhook_table_remove(webhooks->table, name, done, owner);
}

enum err webhooks_set_mode(struct webhooks *webhooks, struct bytes name, enum webhook_mode mode,
			   struct bytes by, void (*done)(void *owner, enum err err), void *owner)
{
	const struct webhook_item *item = webhooks_item(webhooks, name);
	if (!item)
		return E_NOT_FOUND;
	log_event(EV_webhook_mode_changed, F_BYTES("webhook", name),
		  F_BOOL("paused", mode == WEBHOOK_PAUSED), F_BYTES("by", by));
	webhooks_put_mode(webhooks, item, mode, done, owner);
	return OK;
}

enum err webhooks_obey(struct webhooks *webhooks, const struct directive *directive,
		       void (*done)(void *owner, enum err err), void *owner)
{
	bool must_pause = directive->kind == DIRECTIVE_PAUSE_WEBHOOK;
	return webhooks_set_mode(webhooks, directive->webhook,
				 must_pause ? WEBHOOK_PAUSED : WEBHOOK_ON, directive->by, done,
				 owner);
}
