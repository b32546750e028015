/* Who reads events inside the bouncer: webhooks and accounting files, on a connection to the broker of their own, so that what they hold is not counted
 * with the leases of results. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_READERS_H
#define LEVERET_BOUNCER_TELLING_READERS_H

#include "bouncer/telling/replays.h"
#include "bouncer/telling/teller.h"
#include "bouncer/telling/webhooks.h"
#include "broker/node.h"
#include "lib/conf/conf.h"
#include "lib/net/resolver.h"

#define READERS_DATABASES "telling.webhooks" /* beside REPLICA_DATABASES */

struct readers_settings {			 /* borrowed */
	const struct conf_items *webhooks;	 /* NULL: none, as below */
	const struct conf_items *accounting;	 /* struct accounting_settings */
	const struct resolver_options *resolver; /* NULL: there are no readers */
	struct webhook_place place;		 /* of webhooks that the API makes */
	int64_t keep_ms;			 /* what was told, for replays; 0: not at all */
	uint64_t keep_bytes;
	void (*ready)(void *owner); /* the queues of webhooks are there: once, later */
	void *owner;
};
struct readers;
enum err readers_new(const struct node *node, const struct readers_settings *settings,
		     struct store *store, struct teller *teller, struct readers **ret,
		     struct why *why) MUST_USE;
void readers_stop(struct readers *readers); /* gives leases back and leaves the broker */
void readers_free(struct readers **readers);

void readers_reload(struct readers *readers); /* accounting files are opened anew */

/* NULL: there are none */
struct webhooks *readers_webhooks(const struct readers *readers);
struct replays *readers_replays(const struct readers *readers);

/* Directives on webhooks: E_NOT_FOUND, or `done` comes once. */
enum err readers_obey(struct readers *readers, const struct directive *directive,
		      void (*done)(void *owner, enum err err), void *owner) MUST_USE;

#endif
