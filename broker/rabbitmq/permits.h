/* Permits: a place is a queue `permit.<name>.<place>` with a single active consumer, and whoever gets a token from it holds the place.
 * Why so: docs/design/permits.md. */
#ifndef LEVERET_BROKER_RABBITMQ_PERMITS_H
#define LEVERET_BROKER_RABBITMQ_PERMITS_H

#include <sys/queue.h>

#include "broker/engine.h"
#include "broker/rabbitmq/link.h"

/* Places beyond are not asked for, whatever the limit. */
#define PERMIT_PLACES_MAX 1000

struct places; /* of one name */
struct amqp_permit;
TAILQ_HEAD(amqp_permit_list, amqp_permit);

struct permits {
	/* filled by the engine */
	const struct engine *engine;
	struct loop *loop;
	struct connection *publish; /* for tokens: an alarm stops those, and takes no place away */
	struct link_options options;

	/* private */
	struct link *link;		     /* made with the first permit */
	struct channel *line;		     /* on `link`: queues, subscriptions, what is held */
	struct channel *tokens;		     /* on `publish` */
	struct places *by_base;		     /* hash */
	struct seat *by_queue;		     /* hash */
	struct seat *answers, **answers_end; /* who waits for a declare-ok, in order */
	struct timer *watch, *again;
	struct amqp_permit_list losing;
	struct task losing_task;
};

void amqp_permits_init(struct permits *permits);
void amqp_permits_done(struct permits *permits);
struct permit *amqp_permit_ask(struct permits *permits, const char *name, unsigned limit,
			       const struct permit_handler *handler, void *owner);
void amqp_permit_limit(struct permit *permit, unsigned limit);
void amqp_permit_free(struct permit *permit);

/* The queue of a name's places, without ".<place>": letters, digits and -._@ as they are, other bytes as %XX, and what is too long cut
 * and ended by a hash of the whole. */
void permit_base(const char *prefix, const char *name, char out[WIRE_SHORT_MAX + 1]);

#endif
