/* Threads for work that takes longer than a loop may: what was asked for is begun there in its order, and its end is told on the loop,
 * with one thread in that order too. All calls are for the loop's thread. */
#ifndef LEVERET_LIB_LOOP_OFFLOAD_H
#define LEVERET_LIB_LOOP_OFFLOAD_H

#include <sys/queue.h>

#include "lib/loop/loop.h"

/* Embedded in its owner, which must not die, nor touch what `run` works on, before `done`. */
struct work {
	void (*run)(void *owner);  /* on a thread of the offload's */
	void (*done)(void *owner); /* on the loop, never inside offload_ask() */
	void *owner;
	STAILQ_ENTRY(work) next; /* the offload's */
};

struct offload;
struct offload *offload_new(struct loop *loop, size_t thread_count);
/* Waits for the work under way; then every `done` that is owed comes, also for work that was not begun. */
void offload_free(struct offload **offload);
void offload_ask(struct offload *offload, struct work *work);

#endif
