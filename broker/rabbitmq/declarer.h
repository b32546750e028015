/* Sees to it that the topology is declared: after each connect, and again when something of it was
 * found missing.
 *
 *   opened, or something found missing -> declare -> all may publish and consume
 *   declare -- refused --> told why, again after a long wait */
#ifndef BROKER_RABBITMQ_DECLARER_H
#define BROKER_RABBITMQ_DECLARER_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/rabbitmq/connection.h"
#include "broker/rabbitmq/topology.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"

struct job;

struct declarer {
	struct loop *loop; /* the first four are the caller's to fill before declarer_init() */
	const struct broker_settings *settings;
	void (*changed)(void *owner, bool is_declared); /* told at each try, good or refused */
	void *owner;
	struct connection *connection; /* the caller's too, before the first declarer_opened() */

	struct topology topology;
	bool is_declared, is_refused;
	struct why refusal; /* while is_refused */

	struct job *job;
	struct timer *timer;
	size_t done_count; /* steps done when the last job ended */
};

/* E_TOO_BIG when a name would be longer than AMQP allows; then nothing is held. */
enum err declarer_init(struct declarer *declarer, const struct routing *routing,
		       struct why *why) MUST_USE;
void declarer_done(struct declarer *declarer);

void declarer_opened(struct declarer *declarer);
void declarer_lost(struct declarer *declarer, const struct why *why);

/* Something that should be there is not. */
void declarer_missing(struct declarer *declarer);

#endif
