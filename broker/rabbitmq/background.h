/* Work that would block the loop and is too rare for a thread of its own: looking up the broker's
 * name, asking its management API. Each piece runs on a short-lived thread; `finished` comes on the
 * loop. */
#ifndef LEVERET_BROKER_RABBITMQ_BACKGROUND_H
#define LEVERET_BROKER_RABBITMQ_BACKGROUND_H

#include "lib/loop/loop.h"

struct background;

struct background_work {
	void (*run)(void *work);		   /* on the thread; touches nothing but `work` */
	void (*finished)(void *owner, void *work); /* on the loop; `work` is freed after it */
	void (*free_work)(void *work);		   /* on whichever thread is last */
};

/* Takes `work`. */
struct background *background_start(struct loop *loop, const struct background_work *type,
				    void *work, void *owner);
/* Before `finished` only: it will not come. The thread ends by itself. */
void background_abandon(struct background **background);

#endif
