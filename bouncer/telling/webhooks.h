/* All webhooks of the settings, and what the store keeps of them. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOKS_H
#define LEVERET_BOUNCER_TELLING_WEBHOOKS_H

#include "bouncer/telling/teller.h"
#include "bouncer/telling/webhook.h"
#include "lib/store/store.h"

struct webhooks_options { /* all borrowed */
	struct loop *loop;
	struct store *store; /* with WEBHOOKS_DATABASE */
	struct broker *broker;
	struct resolver *resolver;
	struct teller *teller;		   /* told of those that are disabled */
	const struct conf_items *settings; /* struct webhook_settings */
};
struct webhooks;
struct webhooks *webhooks_new(const struct webhooks_options *options);
void webhooks_stop(struct webhooks *webhooks); /* before the broker is closed */
void webhooks_free(struct webhooks **webhooks);

/* DIRECTIVE_PAUSE_WEBHOOK, DIRECTIVE_RESUME_WEBHOOK. E_NOT_FOUND: the settings have none of that name; else `done` comes once, when it is
 * kept. */
enum err webhooks_obey(struct webhooks *webhooks, const struct directive *directive,
		       void (*done)(void *owner, enum err err), void *owner) MUST_USE;

#endif
