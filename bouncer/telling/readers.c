/* See readers.h. */
#include "bouncer/telling/readers.h"

#include <stdio.h>

#include "bouncer/telling/accounting.h"
#include "bouncer/telling/replays.h"
#include "bouncer/telling/webhooks.h"
#include "lib/base/memory.h"

#define PATH_ROOM 4096

struct readers {
	struct broker *broker;
	struct resolver *resolver;
	struct webhooks *webhooks;
	struct archive *archive;
	struct replays *replays;
	struct accounting **accounts;
	size_t account_count;
};

static size_t count_of(const struct conf_items *items)
{
	return items ? items->count : 0;
}

static void open_accounts(struct readers *readers, const struct node *node,
			  const struct conf_items *settings)
{
	readers->account_count = count_of(settings);
	readers->accounts = memory_array(readers->account_count, sizeof(struct accounting *));
	for (size_t i = 0; i < readers->account_count; i++)
		readers->accounts[i] =
			accounting_new(node->loop, readers->broker, node->routing,
				       CONF_ITEM(settings, struct accounting_settings, i));
}

static void open_archive(struct readers *readers, const struct node *node,
			 const struct readers_settings *settings, struct teller *teller)
{
	char directory[PATH_ROOM];
	(void)snprintf(directory, sizeof directory, "%s/bouncer/events", node->data_dir);
	const struct archive_options archive = {.loop = node->loop,
						.directory = directory,
						.keep_ms = settings->keep_ms,
						.size_max = settings->keep_bytes};
	readers->archive = archive_new(&archive);
	teller_keep(teller, readers->archive);
	readers->replays = replays_new(node->loop, readers->webhooks, directory);
}

enum err readers_new(const struct node *node, const struct readers_settings *settings,
		     struct store *store, struct teller *teller, struct readers **ret,
		     struct why *why)
{
	struct readers *readers = memory_new(sizeof *readers);
	if (!settings->resolver) {
		*ret = readers;
		return OK;
	}
	enum err err = resolver_new(node->loop, settings->resolver, &readers->resolver, why);
	if (!err)
		err = broker_open(node->loop, node->broker, node->routing, "bouncer telling", NULL,
				  NULL, &readers->broker, why);
	if (err) {
		readers_free(&readers);
		return err;
	}
	const struct webhooks_options webhooks = {
		.loop = node->loop,
		.store = store,
		.broker = readers->broker,
		.resolver = readers->resolver,
		.teller = teller,
		.settings = settings->webhooks,
		.place = settings->place,
		.ready = settings->ready,
		.owner = settings->owner,
	};
	readers->webhooks = webhooks_new(&webhooks);
	open_archive(readers, node, settings, teller);
	open_accounts(readers, node, settings->accounting);
	*ret = readers;
	return OK;
}

void readers_stop(struct readers *readers)
{
	if (readers->webhooks)
		webhooks_stop(readers->webhooks);
	for (size_t i = 0; i < readers->account_count; i++)
		accounting_stop(readers->accounts[i]);
	broker_close(&readers->broker);
}

void readers_free(struct readers **readers)
{
	struct readers *freeing = *readers;
	*readers = NULL;
	if (!freeing)
		return;
	broker_close(&freeing->broker);
	replays_free(&freeing->replays);
	webhooks_free(&freeing->webhooks);
	for (size_t i = 0; i < freeing->account_count; i++)
		accounting_free(&freeing->accounts[i]);
	free(freeing->accounts);
	archive_free(&freeing->archive);
	resolver_free(&freeing->resolver);
	free(freeing);
}

void readers_reload(struct readers *readers)
{
	for (size_t i = 0; i < readers->account_count; i++)
		accounting_reopen(readers->accounts[i]);
}

enum err readers_obey(struct readers *readers, const struct directive *directive,
		      void (*done)(void *owner, enum err err), void *owner)
{
	return readers->webhooks ? webhooks_obey(readers->webhooks, directive, done, owner)
				 : E_NOT_FOUND;
}

struct replays *readers_replays(const struct readers *readers)
{
	return readers->replays;
}

struct webhooks *readers_webhooks(const struct readers *readers)
{
	return readers->webhooks;
}
