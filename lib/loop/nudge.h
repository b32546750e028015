/* A call that any thread asks of a loop, and that the loop's own thread can take back. Unlike a bare loop_post() it may still be on its way
 * when its owner is gone. */
#ifndef LEVERET_LIB_LOOP_NUDGE_H
#define LEVERET_LIB_LOOP_NUDGE_H

#include "lib/loop/loop.h"

struct nudge {
	void (*run)(void *owner);
	void *owner;
	struct nudge_box *box; /* private, as all below */
	bool is_waiting, is_cancelled;
	struct nudge *next;
};

/* Before another thread knows of it. */
void nudge_init(struct nudge *nudge, struct loop *loop, void (*run)(void *owner), void *owner);
/* From any thread: run(owner) on the loop, once, however often it is asked for before it runs. Nothing after nudge_cancel(). The
 * nudge itself must outlive this call. */
void nudge_send(struct nudge *nudge);
/* On the loop's thread: `run` does not come any more, and the loop is not touched again. Before the loop is freed. */
void nudge_cancel(struct nudge *nudge);

#endif
