/* Results on their way into queues of others. Each copy is published until its queue keeps it, and then no more:
 *
 *   publish -- kept --> done
 *     missing --> made, when so many are allowed --> published again --> still missing: buried
 *                 else published to `instead`
 *     refused --> published again after 1 s, 2 s, ... 1 min --> after 4 min: buried
 *
 * A queue that a message named and that was given up so gets one try for each copy for ten minutes, so that it cannot hold up the
 * others. What is buried lies in the queue `buried`, with the reason. Lives on one loop. */
#ifndef LEVERET_INGEST_MAILERQ_COPIES_H
#define LEVERET_INGEST_MAILERQ_COPIES_H

#include <sys/queue.h>

#include "broker/broker.h"

struct mailerq_copies;

struct mailerq_copies_options {
	struct loop *loop;
	struct broker *broker;
	size_t made_max; /* queues named by messages that are made where they are missing */
	int64_t first_wait_ms, give_up_ms; /* 0: as above */
};
struct mailerq_copies *mailerq_copies_new(const struct mailerq_copies_options *options);
/* Copies that wait end with E_CANCELLED, from here; those that the broker has end when it says so. NULL is accepted. */
void mailerq_copies_free(struct mailerq_copies **copies);

/* Zeroed but for what its owner fills in; all is borrowed until `done`. */
struct mailerq_copy {
	const char *queue;
	/* Of a queue that a message named: where the copy goes when the queue is not to be made; "": nowhere, which is an end too. NULL: the
	 * queue is of the settings. */
	const char *instead;
	const char *id; /* of the message */
	struct bytes json;
	/* Once, never from inside mailerq_copies_send(). OK: it is kept, or nobody is to have it. Else the broker is away, or keeps nothing. */
	void (*done)(void *owner, enum err err);
	void *owner;
	/* private */
	struct mailerq_copies *copies; /* NULL: gone */
	int64_t begun_at_ms, due_at_ms;
	unsigned refused_count;
	bool was_made;
	TAILQ_ENTRY(mailerq_copy) next;
};
void mailerq_copies_send(struct mailerq_copies *copies, struct mailerq_copy *copy);

#endif
