/* The loop on libev. A turn is: poll, callbacks, then the tasks queued meanwhile, run by a prepare watcher just before the next
 * poll. libev knows nothing of tasks, so the loop never sleeps while one waits: the prepare watcher runs them until none is left. */
#include "lib/loop/loop.h"

#include <assert.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct post {
	void (*fn)(void *owner);
	void *owner;
	struct post *next;
};

struct signal_handler {
	ev_signal watcher;
	void (*fn)(void *owner);
	void *owner;
	struct signal_handler *next;
};

struct loop {
	struct clock clock; /* first, so that a clock is its loop */
	struct ev_loop *ev;
	ev_prepare before_poll;
	ev_async wake;
	struct task *tasks, **tasks_end;
	pthread_mutex_t posts_lock;
	struct post *posts, **posts_end;
	struct signal_handler *signals;
};

struct timer {
	ev_timer watcher;
	struct loop *loop;
	void (*fired)(void *owner);
	void *owner;
};

struct watch {
	ev_io watcher;
	struct loop *loop;
	void (*ready)(void *owner, bool can_read, bool can_write);
	void *owner;
};

/* ---- time ---- */

/* libev caches only wall time; the monotonic clock is read, which costs some 20 ns. */
static int64_t cached_now_ms(const struct clock *clock)
{
	(void)clock;
	return clock_now_ms(clock_system());
}

static int64_t cached_wall_ms(const struct clock *clock)
{
	return (int64_t)(ev_now(((const struct loop *)clock)->ev) * 1000.0);
}

const struct clock *loop_clock(const struct loop *loop)
{
	return &loop->clock;
}

int64_t loop_now_ms(const struct loop *loop)
{
	return clock_now_ms(&loop->clock);
}

int64_t loop_wall_ms(const struct loop *loop)
{
	return clock_wall_ms(&loop->clock);
}

/* ---- tasks ---- */

/* Tasks that a task queues run in the same pass: nothing waits for the next wake-up. */
static void run_tasks(struct ev_loop *ev, ev_prepare *watcher, int events)
{
	(void)ev;
	(void)events;
	struct loop *loop = watcher->data;
	while (loop->tasks) {
		struct task *task = loop->tasks;
		task_cancel(task, loop);
		task->run(task->owner);
	}
}

void loop_defer(struct loop *loop, struct task *task)
{
	if (task->link)
		return;
	task->next = NULL;
	task->link = loop->tasks_end;
	*loop->tasks_end = task;
	loop->tasks_end = &task->next;
}

void task_cancel(struct task *task, struct loop *loop)
{
	if (!task->link)
		return;
	*task->link = task->next;
	if (task->next)
		task->next->link = task->link;
	else
		loop->tasks_end = task->link;
	task->link = NULL;
	task->next = NULL;
}

/* ---- posts from other threads ---- */

static void run_posts(struct ev_loop *ev, ev_async *watcher, int events)
{
	(void)ev;
	(void)events;
	struct loop *loop = watcher->data;
	pthread_mutex_lock(&loop->posts_lock);
	struct post *post = loop->posts;
	loop->posts = NULL;
	loop->posts_end = &loop->posts;
	pthread_mutex_unlock(&loop->posts_lock);
	while (post) {
		struct post *next = post->next;
		post->fn(post->owner);
		free(post);
		post = next;
	}
}

void loop_post(struct loop *loop, void (*fn)(void *owner), void *owner)
{
	struct post *post = memory_new(sizeof *post);
	*post = (struct post){fn, owner, NULL};
	pthread_mutex_lock(&loop->posts_lock);
	*loop->posts_end = post;
	loop->posts_end = &post->next;
	pthread_mutex_unlock(&loop->posts_lock);
	ev_async_send(loop->ev, &loop->wake);
}

/* ---- the loop itself ---- */

struct loop *loop_new(void)
{
	struct loop *loop = memory_new(sizeof *loop);
	loop->clock = (struct clock){cached_now_ms, cached_wall_ms};
	loop->ev = ev_loop_new(EVFLAG_AUTO);
	if (!loop->ev)
		abort();
	loop->tasks_end = &loop->tasks;
	loop->posts_end = &loop->posts;
	pthread_mutex_init(&loop->posts_lock, NULL);
	ev_prepare_init(&loop->before_poll, run_tasks);
	loop->before_poll.data = loop;
	ev_prepare_start(loop->ev, &loop->before_poll);
	ev_async_init(&loop->wake, run_posts);
	loop->wake.data = loop;
	ev_async_start(loop->ev, &loop->wake);
	return loop;
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;
	if (!l)
		return;
	*loop = NULL;
	for (struct post *post = l->posts, *next; post; post = next) {
		next = post->next; /* too late: what it would tell is gone */
		free(post);
	}
	for (struct signal_handler *handler = l->signals, *next; handler; handler = next) {
		next = handler->next;
		ev_signal_stop(l->ev, &handler->watcher);
		free(handler);
	}
	ev_loop_destroy(l->ev);
	pthread_mutex_destroy(&l->posts_lock);
	free(l);
}

void loop_run(struct loop *loop)
{
	(void)ev_run(loop->ev, 0);
}

void loop_stop(struct loop *loop)
{
	ev_break(loop->ev, EVBREAK_ALL);
}

/* ---- timers ---- */

static void timer_fired(struct ev_loop *ev, ev_timer *watcher, int events)
{
	(void)events;
	struct timer *timer = watcher->data;
	ev_timer_stop(ev, watcher); /* it repeats only so that ev_timer_again can move it */
	timer->fired(timer->owner);
}

struct timer *timer_new(struct loop *loop, void (*fired)(void *owner), void *owner)
{
	struct timer *timer = memory_new(sizeof *timer);
	timer->loop = loop;
	timer->fired = fired;
	timer->owner = owner;
	ev_init(&timer->watcher, timer_fired);
	timer->watcher.data = timer;
	return timer;
}

void timer_free(struct timer **timer)
{
	if (!*timer)
		return;
	ev_timer_stop((*timer)->loop->ev, &(*timer)->watcher);
	free(*timer);
	*timer = NULL;
}

/* ev_timer_again keeps the heap entry of a running timer: deadlines are pushed back with every line that arrives. */
void timer_start(struct timer *timer, int64_t delay_ms)
{
	assert(delay_ms >= 0);
	timer->watcher.repeat = (double)delay_ms / 1000.0;
	if (delay_ms == 0)
		timer->watcher.repeat = 1e-6;
	ev_timer_again(timer->loop->ev, &timer->watcher);
}

void timer_stop(struct timer *timer)
{
	ev_timer_stop(timer->loop->ev, &timer->watcher);
}

bool timer_is_running(const struct timer *timer)
{
	return ev_is_active(&timer->watcher);
}

/* ---- watches ---- */

static void watch_ready(struct ev_loop *ev, ev_io *watcher, int events)
{
	(void)ev;
	struct watch *watch = watcher->data;
	watch->ready(watch->owner, (events & EV_READ) != 0, (events & EV_WRITE) != 0);
}

struct watch *watch_new(struct loop *loop, int fd,
			void (*ready)(void *owner, bool can_read, bool can_write), void *owner)
{
	struct watch *watch = memory_new(sizeof *watch);
	watch->loop = loop;
	watch->ready = ready;
	watch->owner = owner;
	ev_io_init(&watch->watcher, watch_ready, fd, 0);
	watch->watcher.data = watch;
	return watch;
}

void watch_free(struct watch **watch)
{
	if (!*watch)
		return;
	ev_io_stop((*watch)->loop->ev, &(*watch)->watcher);
	free(*watch);
	*watch = NULL;
}

void watch_want(struct watch *watch, bool read, bool write)
{
	int events = (read ? EV_READ : 0) | (write ? EV_WRITE : 0);
	bool is_active = ev_is_active(&watch->watcher);
	if (is_active && (watch->watcher.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(watch->loop->ev, &watch->watcher);
	if (events == 0)
		return;
	ev_io_modify(&watch->watcher, events);
	ev_io_start(watch->loop->ev, &watch->watcher);
}

/* ---- signals ---- */

static void signal_arrived(struct ev_loop *ev, ev_signal *watcher, int events)
{
	(void)ev;
	(void)events;
	struct signal_handler *handler = watcher->data;
	handler->fn(handler->owner);
}

void loop_on_signal(struct loop *loop, int signal_number, void (*fn)(void *owner), void *owner)
{
	struct signal_handler *handler = memory_new(sizeof *handler);
	handler->fn = fn;
	handler->owner = owner;
	handler->next = loop->signals;
	loop->signals = handler;
	ev_signal_init(&handler->watcher, signal_arrived, signal_number);
	handler->watcher.data = handler;
	ev_signal_start(loop->ev, &handler->watcher);
}
