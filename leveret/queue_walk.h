/* Looks at each message of some queues of deliveries, and of what waits for its time, and does something with those that fit.
 *
 * Workers would take the messages away meanwhile, so the queues are suspended for as long as it takes; should this process die, for ten
 * minutes. Messages that are kept are held until their queue was looked at, then released: in RabbitMQ that counts as one delivery. */
#ifndef LEVERET_LEVERET_QUEUE_WALK_H
#define LEVERET_LEVERET_QUEUE_WALK_H

#include "leveret/held.h"
#include "leveret/selection.h"
#include "leveret/suspending.h"

struct walk_queue {
	char name[QUEUE_NAME_MAX];
	int64_t ready;
	STAILQ_ENTRY(walk_queue) next;
};

struct taken;
struct walk {			      /* its owner fills the first group */
	struct suspending suspending; /* first */
	struct selection selection;
	struct directive
		subject; /* pool and site of `selection`, and who does it: what is suspended */
	bool takes_queues, takes_waiting, pauses;
	int64_t look_max; /* messages looked at in each queue; 0: all */
	/* The settings are read: fill selection and subject. Gives an enum exit_code, and tells what is wrong. */
	int (*choose)(const struct settings *settings, const struct options *options, void *owner);
	const struct options *options; /* as given to walk_run() */
	/* A message that fits. True: it is taken, and acked when all that was published for it is kept. Texts are borrowed. */
	bool (*look)(struct walk *walk, struct taken *taken, struct delivery_request *mail);
	/* Every queue was looked at. Gives the exit code, or -1 after walk_again(). */
	int (*done)(struct walk *walk);
	void *owner;

	/* private */
	struct errand *errand;
	STAILQ_HEAD(, walk_queue) queues;
	struct walk_queue *queue;
	struct consumer *consumer;
	struct timer *timer, *heard;
	struct directive before; /* what stood where the queues are suspended now */
	struct held_list kept;
	int64_t looked;
	size_t pending, consumer_count;
	int code;
	bool is_again, is_paused, had_pause, is_partial, is_interrupted, is_ending;
};

struct taken { /* a message that something is done with */
	struct walk *walk;
	struct lease *lease;
	struct arena *arena;
	size_t pending;
	enum err err;
};

int walk_run(struct walk *walk, const struct options *options); /* gives an enum exit_code */
void walk_again(struct walk *walk);				/* from `done` */
/* Within `look`. */
void walk_publish(struct taken *taken, const struct publication *publication);
/* The mail, as it was changed, by that routing key: at once, or when its time comes. */
void walk_publish_mail(struct taken *taken, const char *key, const struct delivery_request *mail,
		       int64_t not_before_wall_ms);

#endif
