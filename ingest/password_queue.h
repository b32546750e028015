/* Whose password is checked next: networks of clients take turns, whatever number of checks each of them asks for, so that one that
 * guesses makes itself wait and not the others. Bounded; when it is full, the network with the most checks gives up its last one. Pure. */
#ifndef LEVERET_INGEST_PASSWORD_QUEUE_H
#define LEVERET_INGEST_PASSWORD_QUEUE_H

#include <stdbool.h>

#include "lib/base/bytes.h"

#define PASSWORD_QUEUE_MAX 64 /* with two threads at 100 ms each the last one waits 3 s */

/* Embedded in its owner, which must not die while it waits. */
struct password_turn {
	void *owner;
	struct password_turn *next; /* the queue's */
};

struct password_queue;
struct password_queue *password_queue_new(void);
void password_queue_free(struct password_queue **queue); /* who still waits is only forgotten */
/* False: there is no room for one more of this network. *ret_dropped: who lost its place for it; NULL for none. */
bool password_queue_add(struct password_queue *queue, struct bytes network,
			struct password_turn *turn, struct password_turn **ret_dropped);
struct password_turn *password_queue_take(struct password_queue *queue); /* NULL: nobody waits */

#endif
