/* Tells others what the bouncer knows: events, published in batches of one key each to EXCHANGE_EVENTS, from where webhooks, accounting
 * and whoever follows take them by queues of their own. What fails for now is tried again until it is kept. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_TELLER_H
#define LEVERET_BOUNCER_TELLING_TELLER_H

#include "bouncer/telling/archive.h"
#include "broker/broker.h"
#include "schemas/schemas.h"

struct teller;
struct teller *teller_new(struct broker *broker, struct loop *loop);
/* Who hears of every event, before it is published; NULL: nobody. */
void teller_watch(struct teller *teller,
		  void (*heard)(void *owner, const struct bouncer_event *event), void *owner);
/* What is told from now on is kept there too; borrowed. */
void teller_keep(struct teller *teller, struct archive *archive);
/* Before the broker is closed: nothing is tried again any more, E_CANCELLED. */
void teller_stop(struct teller *teller);
void teller_free(struct teller **teller); /* after the broker was closed */

/* `done` (NULL allowed) comes once, when all are kept: OK, E_CANCELLED, or what can never be kept (E_TOO_BIG: maybe from inside the
 * call). count is 1 or more. Events are encoded at once; those without an id get theirs, for which what they are about is enough. */
void teller_tell(struct teller *teller, struct bouncer_event *events, size_t count,
		 void (*done)(void *owner, enum err err), void *owner);

/* The id of an event: the same for the same thing, whenever it is told. Pure. */
#define EVENT_ID_SIZE 33
void event_id(const struct bouncer_event *event, char out[EVENT_ID_SIZE]);
/* Its routing key. Pure. */
#define EVENT_KEY_SIZE 640
void event_key(const struct bouncer_event *event, char out[EVENT_KEY_SIZE]);

#endif
