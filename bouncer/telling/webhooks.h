/* All webhooks: those of the settings, and those that the HTTP API made; what the store keeps of them. Used on one loop.
 *
 *   webhooks.c        which there are, by settings and table    webhook_puts.c    changes, by way of the table
 *   webhook_states.c  what became of their requests, in the store
 *   webhook_trial.c   one request by way of trial               webhook_leavers.c queues of those that are no more */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOKS_H
#define LEVERET_BOUNCER_TELLING_WEBHOOKS_H

#include "bouncer/telling/teller.h"
#include "bouncer/telling/webhook.h"
#include "bouncer/telling/webhook_rows.h"
#include "lib/store/store.h"

#define WEBHOOKS_ALL_MAX 200 /* more are not made by the API */

struct webhooks_options { /* all borrowed */
	struct loop *loop;
	struct store *store; /* with WEBHOOKS_DATABASE and REPLICA_DATABASES */
	struct broker *broker;
	struct resolver *resolver;
	struct teller *teller;		   /* told of those that are disabled */
	const struct conf_items *settings; /* struct webhook_settings; NULL: none */
	struct webhook_place place;	   /* of those made by the API */
	void (*ready)(
		void *owner); /* the queues of all that there were at the start are there: once */
	void *owner;
};
struct webhooks;
struct webhooks *webhooks_new(const struct webhooks_options *options);
void webhooks_stop(struct webhooks *webhooks); /* before the broker is closed */
void webhooks_free(struct webhooks **webhooks);

struct webhook_view { /* borrowed until the loop turns */
	const struct webhook_settings *settings;
	const struct webhook_state *state;
	const struct webhook_row *row; /* NULL: it stands in the settings */
};
/* False: there is none at that index, or of that name. */
bool webhooks_at(const struct webhooks *webhooks, size_t index, struct webhook_view *ret);
bool webhooks_find(const struct webhooks *webhooks, struct bytes name, struct webhook_view *ret);
size_t webhooks_count(const struct webhooks *webhooks);
const struct webhook_place *webhooks_place(const struct webhooks *webhooks);

struct resolver *webhooks_resolver(const struct webhooks *webhooks);

/* A change of it is on its way to the table. */
bool webhooks_is_changing(const struct webhooks *webhooks, struct bytes name);
/* Each `done` comes once, later, when all is kept; what is put works then, and its queue is there. */
void webhooks_put(struct webhooks *webhooks, const struct webhook_row *row,
		  void (*done)(void *owner, enum err err), void *owner);
void webhooks_remove(struct webhooks *webhooks, struct bytes name,
		     void (*done)(void *owner, enum err err), void *owner);
/* On every bouncer. E_NOT_FOUND. */
enum err webhooks_set_mode(struct webhooks *webhooks, struct bytes name, enum webhook_mode mode,
			   struct bytes by, void (*done)(void *owner, enum err err),
			   void *owner) MUST_USE;

/* DIRECTIVE_PAUSE_WEBHOOK, DIRECTIVE_RESUME_WEBHOOK. As webhooks_set_mode(). */
enum err webhooks_obey(struct webhooks *webhooks, const struct directive *directive,
		       void (*done)(void *owner, enum err err), void *owner) MUST_USE;

#endif
