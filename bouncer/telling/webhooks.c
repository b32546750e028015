/* settings -> an item each, for good
 * table ----> rows with a URL: items that come, change and go; mode of any item -- later than its own --> the item's
 *
 * Whatever changes, here or at another bouncer, goes through the table and comes from it. */
#include "bouncer/telling/webhooks_inner.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

const char *webhook_item_name(const struct webhook_item *item)
{
	return webhook_settings(item->webhook)->name;
}

struct webhook_item *webhooks_item(const struct webhooks *webhooks, struct bytes name)
{
	for (size_t i = 0; i < webhooks->count; i++)
		if (bytes_is(name, webhook_item_name(&webhooks->items[i])))
			return &webhooks->items[i];
	return NULL;
}

/* ---- what webhooks tell ---- */

/* With the time, so that each time is an event of its own. */
static void tell_disabled(struct webhooks *webhooks, const struct webhook_settings *settings)
{
	char at[CLOCK_RFC3339_SIZE], text[256];
	int64_t now = loop_wall_ms(webhooks->options.loop);
	clock_rfc3339(now, at);
	(void)snprintf(text, sizeof text,
		       "webhook %s: its endpoint answered 410 at %s and gets nothing until "
		       "`leveret webhook resume %s`",
		       settings->name, at, settings->name);
	struct bouncer_event event = {.kind = EVENT_ALERT,
				      .at_wall_ms = now,
				      .alert = BYTES("webhook_disabled"),
				      .text = bytes_of(text)};
	teller_tell(webhooks->options.teller, &event, 1, NULL, NULL);
	log_event(EV_webhook_disabled, F_TEXT("webhook", settings->name));
}

static void pass_over(void *owner, enum err err)
{
	(void)owner, (void)err; /* each bouncer that posts will be told the same */
}

static void on_changed(void *owner, const struct webhook_settings *settings,
		       const struct webhook_state *state, bool is_mode)
{
	struct webhooks *webhooks = owner;
	const struct webhook_item *item = webhooks_item(webhooks, bytes_of(settings->name));
	if (is_mode)
		tell_disabled(webhooks, settings);
	if (is_mode && item)
		webhooks_put_mode(webhooks, item, state->mode, pass_over, NULL);
	webhook_states_write(webhooks->states, is_mode);
}

static void look_whether_ready(struct webhooks *webhooks)
{
	if (webhooks->is_ready)
		return;
	for (size_t i = 0; i < webhooks->count; i++)
		if (!webhook_is_subscribed(webhooks->items[i].webhook))
			return;
	webhooks->is_ready = true;
	webhooks->options.ready(webhooks->options.owner);
}

static void on_subscribed(void *owner, const struct webhook_settings *settings)
{
	struct webhooks *webhooks = owner;
	look_whether_ready(webhooks);
	webhooks_end_waiters(webhooks, settings->name, OK);
}

static bool each_state(void *owner, size_t index, const char **name, struct webhook_state *ret)
{
	const struct webhooks *webhooks = owner;
	if (index >= webhooks->count)
		return false;
	*name = webhook_item_name(&webhooks->items[index]);
	*ret = *webhook_state(webhooks->items[index].webhook);
	return true;
}

static bool is_known(void *owner, struct bytes name)
{
	return webhooks_item(owner, name) != NULL;
}

/* ---- items ---- */

static void start_webhook(struct webhooks *webhooks, struct webhook_item *item,
			  const struct webhook_settings *settings, struct webhook_state state)
{
	const struct webhook_options options = {
		.loop = webhooks->options.loop,
		.broker = webhooks->options.broker,
		.resolver = webhooks->options.resolver,
		.settings = settings,
		.state = state,
		.changed = on_changed,
		.subscribed = on_subscribed,
		.owner = webhooks,
	};
	item->webhook = webhook_new(&options);
}

static struct webhook_item *add_item(struct webhooks *webhooks)
{
	webhooks->items =
		memory_grow(webhooks->items, webhooks->count + 1, sizeof *webhooks->items);
	struct webhook_item *item = &webhooks->items[webhooks->count++];
	*item = (struct webhook_item){.is_seen = true};
	return item;
}

/* Copied by way of its encoded form: all that it points to with it. */
static void keep_row(struct webhook_item *item, const struct webhook_row *row)
{
	struct buf text;
	buf_init(&text, WEBHOOK_ROW_BYTES_MAX);
	item->arena = arena_new();
	if (webhook_row_encode(row, &text) ||
	    webhook_row_decode(item->arena, arena_copy(item->arena, buf_bytes(&text)), &item->row,
			       NULL))
		abort(); /* it was decoded before */
	buf_done(&text);
}

static void make(struct webhooks *webhooks, struct webhook_item *item,
		 const struct webhook_row *row, struct webhook_state state)
{
	keep_row(item, row);
	start_webhook(webhooks, item,
		      webhook_row_settings(item->arena, &item->row, &webhooks->options.place),
		      state);
}

static void replace(struct webhooks *webhooks, struct webhook_item *item,
		    const struct webhook_row *row)
{
	struct arena *old = item->arena;
	struct webhook_state state = *webhook_state(item->webhook);
	webhook_stop(item->webhook);
	webhook_free(&item->webhook);
	make(webhooks, item, row, state);
	arena_free(&old);
}

static void drop(struct webhooks *webhooks, struct webhook_item *item)
{
	char name[WEBHOOK_ROW_NAME_MAX + 1];
	(void)snprintf(name, sizeof name, "%s", webhook_item_name(item));
	webhook_stop(item->webhook);
	webhook_free(&item->webhook);
	arena_free(&item->arena);
	*item = webhooks->items[--webhooks->count];
	webhooks_end_waiters(webhooks, name, E_NOT_FOUND);
	webhook_leavers_add(webhooks->leavers, name);
}

/* ---- the table ---- */

static void heed_mode(struct webhooks *webhooks, struct webhook_item *item,
		      const struct webhook_row *row)
{
	const struct webhook_state *state = webhook_state(item->webhook);
	if (!row->mode || row->mode_since_wall_ms <= state->mode_since_wall_ms)
		return;
	if (webhook_mode_of(row->mode) != state->mode)
		webhook_set_mode(item->webhook, webhook_mode_of(row->mode),
				 row->mode_since_wall_ms);
	webhook_states_write(webhooks->states, true);
}

static void heed_row(struct webhooks *webhooks, const struct webhook_row *row, struct arena *arena)
{
	struct why why;
	struct webhook_item *item = webhooks_item(webhooks, row->name);
	bool is_made =
		row->url.len > 0 && webhook_row_check(row, &webhooks->options.place, &why) == OK;
	if (!item && is_made && webhooks->count < 2 * WEBHOOKS_ALL_MAX) {
		item = add_item(webhooks);
		make(webhooks, item, row,
		     webhook_states_read(webhooks->states, arena_cstr(arena, row->name)));
	} else if (item && item->arena && is_made && !webhook_row_same(row, &item->row)) {
		replace(webhooks, item, row);
	}
	if (!item)
		return;
	item->is_seen = true;
	if (item->arena) {
		item->row.version = row->version;
		item->row.mode = row->mode;
		item->row.mode_since_wall_ms = row->mode_since_wall_ms;
	}
	heed_mode(webhooks, item, row);
}

static void on_table(void *owner)
{
	struct webhooks *webhooks = owner;
	struct arena *arena = arena_new();
	struct webhook_row *rows;
	size_t count;
	if (webhook_table_read(webhooks->table, arena, &rows, &count) != OK)
		count = SIZE_MAX;
	for (size_t i = 0; i < webhooks->count; i++)
		webhooks->items[i].is_seen = !webhooks->items[i].arena || count == SIZE_MAX;
	for (size_t i = 0; count != SIZE_MAX && i < count; i++)
		heed_row(webhooks, &rows[i], arena);
	for (size_t i = webhooks->count; i-- > 0;)
		if (!webhooks->items[i].is_seen)
			drop(webhooks, &webhooks->items[i]);
	arena_free(&arena);
}

/* ---- looking ---- */

size_t webhooks_count(const struct webhooks *webhooks)
{
	return webhooks->count;
}

const struct webhook_place *webhooks_place(const struct webhooks *webhooks)
{
	return &webhooks->options.place;
}

struct resolver *webhooks_resolver(const struct webhooks *webhooks)
{
	return webhooks->options.resolver;
}

bool webhooks_at(const struct webhooks *webhooks, size_t index, struct webhook_view *ret)
{
	if (index >= webhooks->count)
		return false;
	const struct webhook_item *item = &webhooks->items[index];
	*ret = (struct webhook_view){.settings = webhook_settings(item->webhook),
				     .state = webhook_state(item->webhook),
				     .row = item->arena ? &item->row : NULL};
	return true;
}

bool webhooks_find(const struct webhooks *webhooks, struct bytes name, struct webhook_view *ret)
{
	const struct webhook_item *item = webhooks_item(webhooks, name);
	return item && webhooks_at(webhooks, (size_t)(item - webhooks->items), ret);
}

/* ---- public ---- */

static void begin_settings(struct webhooks *webhooks)
{
	const struct conf_items *all = webhooks->options.settings;
	for (size_t i = 0; all && i < all->count; i++) {
		const struct webhook_settings *settings =
			CONF_ITEM(all, struct webhook_settings, i);
		struct webhook_item *item = add_item(webhooks);
		start_webhook(webhooks, item, settings,
			      webhook_states_read(webhooks->states, settings->name));
	}
}

static void on_begun(void *owner)
{
	look_whether_ready(owner);
}

struct webhooks *webhooks_new(const struct webhooks_options *options)
{
	struct webhooks *webhooks = memory_new(sizeof *webhooks);
	webhooks->options = *options;
	LIST_INIT(&webhooks->waiters);
	webhooks->states = webhook_states_new(options->loop, options->store, each_state, webhooks);
	begin_settings(webhooks);
	webhooks->table = webhook_table_new(options->broker, options->loop, options->store,
					    on_table, webhooks);
	on_table(webhooks);
	webhooks->leavers = webhook_leavers_new(options->loop, options->broker, options->store,
						is_known, webhooks);
	webhooks->look = timer_new(options->loop, on_begun, webhooks);
	timer_start(webhooks->look, 0);
	return webhooks;
}

void webhooks_stop(struct webhooks *webhooks)
{
	timer_stop(webhooks->look);
	for (size_t i = 0; i < webhooks->count; i++)
		webhook_stop(webhooks->items[i].webhook);
}

void webhooks_free(struct webhooks **webhooks)
{
	struct webhooks *freeing = *webhooks;
	*webhooks = NULL;
	if (!freeing)
		return;
	webhook_table_free(&freeing->table);
	webhooks_end_waiters(freeing, NULL, E_CANCELLED);
	webhook_leavers_free(&freeing->leavers);
	webhook_states_free(&freeing->states);
	for (size_t i = 0; i < freeing->count; i++) {
		webhook_free(&freeing->items[i].webhook);
		arena_free(&freeing->items[i].arena);
	}
	timer_free(&freeing->look);
	free(freeing->items);
	free(freeing);
}
