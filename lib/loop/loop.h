/* The event loop of one thread: file descriptors, timers, end-of-turn tasks, work posted by other threads, signals.
 * Callbacks are short and never block. Everything but loop_post() is for the loop's own thread. */
#ifndef LEVERET_LIB_LOOP_LOOP_H
#define LEVERET_LIB_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop **loop); /* every timer and watch is freed before */
void loop_run(struct loop *loop);   /* until loop_stop() */
void loop_stop(struct loop *loop);
const struct clock *loop_clock(const struct loop *loop); /* cached per turn */
int64_t loop_now_ms(const struct loop *loop);
int64_t loop_wall_ms(const struct loop *loop);

/* From any thread: run fn(owner) on the loop's thread, soon, in the order posted. */
void loop_post(struct loop *loop, void (*fn)(void *owner), void *owner);

/* A task runs once at the end of the turn in which it was queued. Queueing a queued task does nothing.
 * Embedded in its owner; cancel before the owner dies. */
struct task {
	void (*run)(void *owner);
	void *owner;
	struct task *next, **link; /* private; link is NULL when not queued */
};
void loop_defer(struct loop *loop, struct task *task);
void task_cancel(struct task *task, struct loop *loop);

struct timer;
struct timer *timer_new(struct loop *loop, void (*fired)(void *owner), void *owner);
void timer_free(struct timer **timer);
void timer_start(struct timer *timer,
		 int64_t delay_ms); /* once, from now; replaces an earlier start */
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);

/* Watches one fd it does not own. */
struct watch;
struct watch *watch_new(struct loop *loop, int fd,
			void (*ready)(void *owner, bool can_read, bool can_write), void *owner);
void watch_free(struct watch **watch);
void watch_want(struct watch *watch, bool read, bool write);

/* One handler per signal; replaces the default action for the whole process. */
void loop_on_signal(struct loop *loop, int signal_number, void (*fn)(void *owner), void *owner);

#endif
