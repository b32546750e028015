/* Leases that a verb holds, in the order in which they came, until what it made of them is written. */
#ifndef LEVERET_LEVERET_HELD_H
#define LEVERET_LEVERET_HELD_H

#include <sys/queue.h>

#include "broker/broker.h"

struct held {
	struct lease *lease;
	STAILQ_ENTRY(held) next;
};
STAILQ_HEAD(held_list, held); /* STAILQ_INIT() first */

void held_add(struct held_list *list, struct lease *lease); /* to its end */
struct held *held_take(struct held_list *list);		    /* the first; NULL: there is none */
void held_ack(struct held **held);
void held_ack_all(struct held_list *list);
void held_release_all(struct held_list *list); /* they come again */

#endif
