/* States are written together: soon after requests, at once when a mode changes. */
#include "bouncer/telling/webhooks.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define WRITE_MS 2000

struct written { /* a state on its way to the store */
	uint8_t value[WEBHOOK_STATE_MAX];
	size_t len;
};

struct waiter {
	void (*done)(void *owner, enum err err);
	void *owner;
	STAILQ_ENTRY(waiter) next;
};
STAILQ_HEAD(waiters, waiter);

struct webhooks {
	struct webhooks_options options;
	int database;
	struct webhook **items;
	struct written *writing;
	size_t count;
	struct timer *write;
	struct waiters waiting, covered; /* by the write under way */
	bool is_writing, is_ending;
};

/* ---- the store ---- */

static enum err write_all(void *owner, struct store_txn *txn)
{
	struct webhooks *webhooks = owner;
	enum err err = OK;
	for (size_t i = 0; i < webhooks->count && !err; i++)
		err = store_put(txn, webhooks->database,
				bytes_of(webhook_settings(webhooks->items[i])->name),
				bytes_from(webhooks->writing[i].value, webhooks->writing[i].len));
	return err;
}

static void on_written(void *owner, enum err err)
{
	struct webhooks *webhooks = owner;
	struct waiter *waiter;
	webhooks->is_writing = false;
	if (err)
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	while ((waiter = STAILQ_FIRST(&webhooks->covered))) {
		STAILQ_REMOVE_HEAD(&webhooks->covered, next);
		waiter->done(waiter->owner, err);
		free(waiter);
	}
	if (!STAILQ_EMPTY(&webhooks->waiting) && !webhooks->is_ending)
		timer_start(webhooks->write, 0);
}

static void on_write(void *owner)
{
	struct webhooks *webhooks = owner;
	if (webhooks->is_writing) {
		timer_start(webhooks->write, WRITE_MS);
		return;
	}
	for (size_t i = 0; i < webhooks->count; i++)
		webhooks->writing[i].len = webhook_state_write(webhook_state(webhooks->items[i]),
							       webhooks->writing[i].value);
	STAILQ_CONCAT(&webhooks->covered, &webhooks->waiting);
	webhooks->is_writing = true;
	store_write(webhooks->options.store, write_all, webhooks->options.loop, on_written,
		    webhooks);
}

static struct webhook_state read_state(const struct webhooks *webhooks, const char *name)
{
	struct webhook_state state = {.mode = WEBHOOK_ON};
	struct bytes value;
	struct store_txn *txn = store_read_begin(webhooks->options.store);
	if (store_get(txn, webhooks->database, bytes_of(name), &value) == OK &&
	    webhook_state_read(value, &state) != OK)
		state = (struct webhook_state){.mode = WEBHOOK_ON};
	store_read_end(&txn);
	state.failures_in_row = 0;
	return state;
}

/* ---- changes ---- */

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

static void on_changed(void *owner, const struct webhook_settings *settings,
		       const struct webhook_state *state, bool is_mode)
{
	struct webhooks *webhooks = owner;
	(void)state;
	if (is_mode)
		tell_disabled(webhooks, settings);
	if (is_mode || !timer_is_running(webhooks->write))
		timer_start(webhooks->write, is_mode ? 0 : WRITE_MS);
}

enum err webhooks_obey(struct webhooks *webhooks, const struct directive *directive,
		       void (*done)(void *owner, enum err err), void *owner)
{
	size_t i = 0;
	while (i < webhooks->count &&
	       !bytes_is(directive->webhook, webhook_settings(webhooks->items[i])->name))
		i++;
	if (i == webhooks->count)
		return E_NOT_FOUND;
	bool must_pause = directive->kind == DIRECTIVE_PAUSE_WEBHOOK;
	webhook_set_mode(webhooks->items[i], must_pause ? WEBHOOK_PAUSED : WEBHOOK_ON);
	log_event(EV_webhook_mode_changed, F_BYTES("webhook", directive->webhook),
		  F_BOOL("paused", must_pause), F_BYTES("by", directive->by));
	struct waiter *waiter = memory_new(sizeof *waiter);
	waiter->done = done;
	waiter->owner = owner;
	STAILQ_INSERT_TAIL(&webhooks->waiting, waiter, next);
	timer_start(webhooks->write, 0);
	return OK;
}

/* ---- public ---- */

struct webhooks *webhooks_new(const struct webhooks_options *options)
{
	struct webhooks *webhooks = memory_new(sizeof *webhooks);
	webhooks->options = *options;
	webhooks->database = store_database(options->store, WEBHOOKS_DATABASE);
	webhooks->count = options->settings->count;
	webhooks->items = memory_array(webhooks->count, sizeof(struct webhook *));
	webhooks->writing = memory_array(webhooks->count, sizeof *webhooks->writing);
	webhooks->write = timer_new(options->loop, on_write, webhooks);
	STAILQ_INIT(&webhooks->waiting);
	STAILQ_INIT(&webhooks->covered);
	for (size_t i = 0; i < webhooks->count; i++) {
		const struct webhook_settings *settings =
			CONF_ITEM(options->settings, struct webhook_settings, i);
		const struct webhook_options webhook = {
			.loop = options->loop,
			.broker = options->broker,
			.resolver = options->resolver,
			.settings = settings,
			.state = read_state(webhooks, settings->name),
			.changed = on_changed,
			.owner = webhooks,
		};
		webhooks->items[i] = webhook_new(&webhook);
	}
	return webhooks;
}

void webhooks_stop(struct webhooks *webhooks)
{
	for (size_t i = 0; i < webhooks->count; i++)
		webhook_stop(webhooks->items[i]);
}

void webhooks_free(struct webhooks **webhooks)
{
	struct webhooks *freeing = *webhooks;
	*webhooks = NULL;
	if (!freeing)
		return;
	freeing->is_ending = true;
	while (freeing->is_writing)
		store_drain(freeing->options.loop);
	if (timer_is_running(freeing->write) || !STAILQ_EMPTY(&freeing->waiting))
		on_write(freeing);
	while (freeing->is_writing)
		store_drain(freeing->options.loop);
	for (size_t i = 0; i < freeing->count; i++)
		webhook_free(&freeing->items[i]);
	timer_free(&freeing->write);
	free(freeing->items);
	free(freeing->writing);
	free(freeing);
}
