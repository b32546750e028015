/* The bouncer's HTTP API: its listeners and their endpoints, a row each in api.c. Lives on one loop.
 *
 *   suppressions.c  one address        pages.c  many of them, in slices      bulk.c  10,000 at once      undo.c  by a filter
 *   events.c        what is told, followed by name      alerts.c  what is raised
 *   webhooks.c      where events are posted: looking      webhook_changes.c  making and changing      webhook_acts.c  testing, pausing */
#ifndef LEVERET_BOUNCER_HTTP_API_H
#define LEVERET_BOUNCER_HTTP_API_H

#include "bouncer/alerts/alerts.h"
#include "bouncer/http/settings.h"
#include "bouncer/suppressions/ledger.h"
#include "bouncer/telling/replays.h"
#include "bouncer/telling/webhooks.h"
#include "broker/node.h"

struct bouncer_api;

struct bouncer_api_options { /* borrowed */
	struct node node;
	const struct conf_items *listeners;    /* struct bouncer_listener_settings */
	const struct conf_items *certificates; /* struct certificate_settings */
	const struct conf_items *api_keys;     /* struct api_key_settings */
	struct store *store;
	struct ledger *ledger;
	struct alerts *alerts;
	struct broker *broker;
	struct webhooks *webhooks;
	struct replays *replays;
	bool covers_tags; /* local+anything@domain is suppressed with local@domain */
	void (*drained)(void *owner);
	void *owner;
};
enum err bouncer_api_open(const struct bouncer_api_options *options, struct bouncer_api **ret,
			  struct why *why) MUST_USE;
void bouncer_api_reload(struct bouncer_api *api); /* certificates */
/* No new clients; requests that have begun get their answer. `drained` comes later, once. */
void bouncer_api_stop(struct bouncer_api *api);
/* Everybody is hung up on; before the broker is closed. What the ledger owes may still come. */
void bouncer_api_close(struct bouncer_api *api);
void bouncer_api_free(struct bouncer_api **api); /* after the ledger */

#endif
