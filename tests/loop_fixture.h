/* For tests that run a real loop for so long, or until something is so. */
#ifndef LEVERET_TESTS_LOOP_FIXTURE_H
#define LEVERET_TESTS_LOOP_FIXTURE_H

#include "lib/loop/loop.h"

static inline void end_run(void *owner)
{
	loop_stop(owner);
}

/* Or until somebody stops it. */
static inline void run_for(struct loop *loop, int64_t duration_ms)
{
	struct timer *timer = timer_new(loop, end_run, loop);
	timer_start(timer, duration_ms);
	loop_run(loop);
	timer_free(&timer);
}

/* What was posted before is done. */
static inline void run_turn(struct loop *loop)
{
	loop_post(loop, end_run, loop);
	loop_run(loop);
}

struct loop_watch {
	struct loop *loop;
	struct timer *timer;
	bool (*is_so)(void *owner);
	void *owner;
	int64_t until_ms;
	bool result;
};

static inline void look_again(void *owner)
{
	struct loop_watch *watch = owner;
	watch->result = watch->is_so(watch->owner);
	if (watch->result || loop_now_ms(watch->loop) >= watch->until_ms)
		loop_stop(watch->loop);
	else
		timer_start(watch->timer, 1);
}

/* False when it was not so within limit_ms. It is asked about once a millisecond. */
static inline bool run_until(struct loop *loop, bool (*is_so)(void *owner), void *owner,
			     int64_t limit_ms)
{
	struct loop_watch watch = {.loop = loop, .is_so = is_so, .owner = owner};
	watch.until_ms = loop_now_ms(loop) + limit_ms;
	watch.timer = timer_new(loop, look_again, &watch);
	timer_start(watch.timer, 0);
	loop_run(loop);
	timer_free(&watch.timer);
	return watch.result;
}

#endif
