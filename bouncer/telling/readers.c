/* See readers.h. */
#include "bouncer/telling/readers.h"

#include "bouncer/telling/webhooks.h"
#include "lib/base/memory.h"

struct readers {
	struct broker *broker;
	struct resolver *resolver;
	struct webhooks *webhooks;
};

static bool is_wanted(const struct readers_settings *settings)
{
	return settings->webhooks && settings->webhooks->count > 0;
}

enum err readers_new(const struct node *node, const struct readers_settings *settings,
		     struct store *store, struct teller *teller, struct readers **ret,
		     struct why *why)
{
	struct readers *readers = memory_new(sizeof *readers);
	enum err err = OK;
	if (is_wanted(settings)) {
		err = resolver_new(node->loop, settings->resolver, &readers->resolver, why);
		if (!err)
			err = broker_open(node->loop, node->broker, node->routing,
					  "bouncer telling", NULL, NULL, &readers->broker, why);
	}
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
	};
	if (is_wanted(settings))
		readers->webhooks = webhooks_new(&webhooks);
	*ret = readers;
	return OK;
}

void readers_stop(struct readers *readers)
{
	if (readers->webhooks)
		webhooks_stop(readers->webhooks);
	broker_close(&readers->broker);
}

void readers_free(struct readers **readers)
{
	struct readers *freeing = *readers;
	*readers = NULL;
	if (!freeing)
		return;
	broker_close(&freeing->broker);
	webhooks_free(&freeing->webhooks);
	resolver_free(&freeing->resolver);
	free(freeing);
}

enum err readers_obey(struct readers *readers, const struct directive *directive,
		      void (*done)(void *owner, enum err err), void *owner)
{
	return readers->webhooks ? webhooks_obey(readers->webhooks, directive, done, owner)
				 : E_NOT_FOUND;
}
