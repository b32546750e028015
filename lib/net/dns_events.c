/* The event table of libunbound (unbound-event.h), as its own small event loop behaves: a time limit fires once, an event that
 * does not persist is off before its callback runs, and a callback may free its event. Cannot fail. */
#include "lib/net/dns_events.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>
#include <unbound.h>

#include <unbound-event.h>

#include "lib/base/memory.h"

struct event_base {
	struct ub_event_base face; /* first: libunbound sees only this */
	struct loop *loop;
};

struct event {
	struct ub_event face; /* first */
	struct loop *loop;
	int fd;
	short bits;
	void (*callback)(int fd, short bits, void *argument);
	void *argument;
	struct watch *watch; /* NULL: not watched yet, or no descriptor */
	struct timer *timer;
};

static struct event *event_of(struct ub_event *face)
{
	return (struct event *)(void *)face;
}

/* The event may be freed when this returns. */
static void fire(struct event *event, short bits)
{
	event->callback(event->fd, bits, event->argument);
}

static void on_ready(void *owner, bool can_read, bool can_write)
{
	struct event *event = owner;
	int bits = (can_read ? UB_EV_READ : 0) | (can_write ? UB_EV_WRITE : 0);
	if (!(event->bits & UB_EV_PERSIST)) {
		watch_want(event->watch, false, false);
		timer_stop(event->timer);
	}
	fire(event, (short)(bits & event->bits));
}

static void on_timeout(void *owner)
{
	struct event *event = owner;
	if (event->watch && !(event->bits & UB_EV_PERSIST))
		watch_want(event->watch, false, false);
	fire(event, UB_EV_TIMEOUT);
}

static void start_timer(struct event *event, const struct timeval *after)
{
	int64_t delay_ms = (int64_t)after->tv_sec * 1000 + (after->tv_usec + 999) / 1000;
	timer_start(event->timer, delay_ms > 0 ? delay_ms : 0);
}

static int event_del(struct ub_event *face)
{
	struct event *event = event_of(face);
	timer_stop(event->timer);
	if (event->watch)
		watch_want(event->watch, false, false);
	return 0;
}

static int event_add(struct ub_event *face, struct timeval *limit)
{
	struct event *event = event_of(face);
	bool read = event->bits & UB_EV_READ, write = event->bits & UB_EV_WRITE;
	if (event->fd >= 0 && (read || write)) {
		if (!event->watch)
			event->watch = watch_new(event->loop, event->fd, on_ready, event);
		watch_want(event->watch, read, write);
	}
	if (limit && event->bits & UB_EV_TIMEOUT)
		start_timer(event, limit);
	return 0;
}

static int event_add_timer(struct ub_event *face, struct ub_event_base *base,
			   void (*callback)(int, short, void *), void *argument,
			   struct timeval *after)
{
	(void)base;
	struct event *event = event_of(face);
	event->callback = callback;
	event->argument = argument;
	start_timer(event, after);
	return 0;
}

static void event_add_bits(struct ub_event *face, short bits)
{
	event_of(face)->bits = (short)(event_of(face)->bits | bits);
}

static void event_del_bits(struct ub_event *face, short bits)
{
	event_of(face)->bits = (short)(event_of(face)->bits & ~bits);
}

static void event_set_fd(struct ub_event *face, int fd)
{
	struct event *event = event_of(face);
	watch_free(&event->watch);
	event->fd = fd;
}

static void event_free(struct ub_event *face)
{
	struct event *event = event_of(face);
	watch_free(&event->watch);
	timer_free(&event->timer);
	free(event);
}

/* ---- what libunbound never calls from ub_resolve_event(), but wants in its table ---- */

static int no_signal_add(struct ub_event *face, struct timeval *limit)
{
	(void)face;
	(void)limit;
	return -1;
}

static int no_signal_del(struct ub_event *face)
{
	(void)face;
	return -1;
}

static void no_unregister(struct ub_event *face)
{
	(void)face;
}

static void no_would_block(struct ub_event *face, int bits)
{
	(void)face;
	(void)bits;
}

static void base_free(struct ub_event_base *base)
{
	free(base);
}

static int no_dispatch(struct ub_event_base *base)
{
	(void)base;
	return -1;
}

static int no_exit(struct ub_event_base *base, struct timeval *after)
{
	(void)base;
	(void)after;
	return -1;
}

static struct ub_event *no_signal_new(struct ub_event_base *base, int number,
				      void (*callback)(int, short, void *), void *argument)
{
	(void)base;
	(void)number;
	(void)callback;
	(void)argument;
	return NULL;
}

static struct ub_event *no_register(struct ub_event_base *base, void *handle,
				    void (*callback)(int, short, void *), void *argument)
{
	(void)base;
	(void)handle;
	(void)callback;
	(void)argument;
	return NULL;
}

/* ---- tables ---- */

static struct ub_event_vmt event_table = {
	.add_bits = event_add_bits,
	.del_bits = event_del_bits,
	.set_fd = event_set_fd,
	.free = event_free,
	.add = event_add,
	.del = event_del,
	.add_timer = event_add_timer,
	.del_timer = event_del,
	.add_signal = no_signal_add,
	.del_signal = no_signal_del,
	.winsock_unregister_wsaevent = no_unregister,
	.winsock_tcp_wouldblock = no_would_block,
};

static struct ub_event *event_new(struct ub_event_base *base, int fd, short bits,
				  void (*callback)(int, short, void *), void *argument)
{
	struct event *event = memory_new(sizeof *event);
	event->face = (struct ub_event){UB_EVENT_MAGIC, &event_table};
	event->loop = ((struct event_base *)(void *)base)->loop;
	event->fd = fd;
	event->bits = bits;
	event->callback = callback;
	event->argument = argument;
	event->timer = timer_new(event->loop, on_timeout, event);
	return &event->face;
}

static struct ub_event_base_vmt base_table = {
	.free = base_free,
	.dispatch = no_dispatch,
	.loopexit = no_exit,
	.new_event = event_new,
	.new_signal = no_signal_new,
	.winsock_register_wsaevent = no_register,
};

struct ub_event_base *dns_events_new(struct loop *loop)
{
	struct event_base *base = memory_new(sizeof *base);
	base->face = (struct ub_event_base){UB_EVENT_MAGIC, &base_table};
	base->loop = loop;
	return &base->face;
}

void dns_events_free(struct ub_event_base **base)
{
	if (!*base)
		return;
	base_free(*base);
	*base = NULL;
}
