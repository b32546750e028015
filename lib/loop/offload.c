/* Two lists under one lock: what waits for the thread, and what it has done. An eventfd wakes the loop. */
#include "lib/loop/offload.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/memory.h"

struct list {
	struct work *first, **end;
};

struct offload {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list waiting, finished; /* under the lock */
	bool is_stopping;
	int event_fd;
	struct watch *watch;
};

static void list_init(struct list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct list *list, struct work *work)
{
	work->next = NULL;
	*list->end = work;
	list->end = &work->next;
}

static struct work *list_take(struct list *list)
{
	struct work *work = list->first;
	if (!work)
		return NULL;
	list->first = work->next;
	if (!list->first)
		list->end = &list->first;
	return work;
}

/* ---- the thread ---- */

static struct work *wait_for_work(struct offload *offload)
{
	pthread_mutex_lock(&offload->lock);
	while (!offload->waiting.first && !offload->is_stopping)
		pthread_cond_wait(&offload->changed, &offload->lock);
	struct work *work = offload->is_stopping ? NULL : list_take(&offload->waiting);
	pthread_mutex_unlock(&offload->lock);
	return work;
}

static void *offload_main(void *owner)
{
	struct offload *offload = owner;
	struct work *work;
	while ((work = wait_for_work(offload))) {
		work->run(work->owner);
		pthread_mutex_lock(&offload->lock);
		list_add(&offload->finished, work);
		pthread_mutex_unlock(&offload->lock);
		(void)eventfd_write(offload->event_fd, 1);
	}
	return NULL;
}

/* ---- the loop ---- */

/* A `done` may free the work, so it is taken out before. */
static void tell_all(struct offload *offload, struct list *list)
{
	for (;;) {
		pthread_mutex_lock(&offload->lock);
		struct work *work = list_take(list);
		pthread_mutex_unlock(&offload->lock);
		if (!work)
			return;
		work->done(work->owner);
	}
}

static void on_finished(void *owner, bool can_read, bool can_write)
{
	struct offload *offload = owner;
	eventfd_t count = 0;
	(void)can_read, (void)can_write;
	(void)eventfd_read(offload->event_fd, &count);
	tell_all(offload, &offload->finished);
}

void offload_ask(struct offload *offload, struct work *work)
{
	pthread_mutex_lock(&offload->lock);
	list_add(&offload->waiting, work);
	pthread_cond_signal(&offload->changed);
	pthread_mutex_unlock(&offload->lock);
}

struct offload *offload_new(struct loop *loop)
{
	struct offload *offload = memory_new(sizeof *offload);
	list_init(&offload->waiting);
	list_init(&offload->finished);
	pthread_mutex_init(&offload->lock, NULL);
	pthread_cond_init(&offload->changed, NULL);
	offload->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (offload->event_fd < 0 ||
	    pthread_create(&offload->thread, NULL, offload_main, offload) != 0)
		abort();
	offload->watch = watch_new(loop, offload->event_fd, on_finished, offload);
	watch_want(offload->watch, true, false);
	return offload;
}

void offload_free(struct offload **offload)
{
	struct offload *h = *offload;
	if (!h)
		return;
	*offload = NULL;
	pthread_mutex_lock(&h->lock);
	h->is_stopping = true;
	pthread_cond_signal(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	tell_all(h, &h->finished);
	tell_all(h, &h->waiting);
	watch_free(&h->watch);
	(void)close(h->event_fd);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
