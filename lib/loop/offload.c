/* Two lists under one lock: what waits for a thread, and what they have done. An eventfd wakes the loop. */
#include "lib/loop/offload.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/memory.h"

STAILQ_HEAD(work_list, work);

struct offload {
	pthread_t *threads;
	size_t thread_count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct work_list waiting, finished; /* under the lock */
	bool is_stopping;
	int event_fd;
	struct watch *watch;
};

static struct work *list_take(struct work_list *list)
{
	struct work *work = STAILQ_FIRST(list);
	if (work)
		STAILQ_REMOVE_HEAD(list, next);
	return work;
}

/* ---- a thread ---- */

static struct work *wait_for_work(struct offload *offload)
{
	pthread_mutex_lock(&offload->lock);
	while (STAILQ_EMPTY(&offload->waiting) && !offload->is_stopping)
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
		STAILQ_INSERT_TAIL(&offload->finished, work, next);
		pthread_mutex_unlock(&offload->lock);
		(void)eventfd_write(offload->event_fd, 1);
	}
	return NULL;
}

/* ---- the loop ---- */

/* A `done` may free the work, so it is taken out before. */
static void tell_all(struct offload *offload, struct work_list *list)
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
	STAILQ_INSERT_TAIL(&offload->waiting, work, next);
	pthread_cond_signal(&offload->changed);
	pthread_mutex_unlock(&offload->lock);
}

struct offload *offload_new(struct loop *loop, size_t thread_count)
{
	struct offload *offload = memory_new(sizeof *offload);
	STAILQ_INIT(&offload->waiting);
	STAILQ_INIT(&offload->finished);
	pthread_mutex_init(&offload->lock, NULL);
	pthread_cond_init(&offload->changed, NULL);
	offload->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (offload->event_fd < 0)
		abort();
	offload->watch = watch_new(loop, offload->event_fd, on_finished, offload);
	watch_want(offload->watch, true, false);
	assert(thread_count > 0);
	offload->threads = memory_array(thread_count, sizeof *offload->threads);
	for (; offload->thread_count < thread_count; offload->thread_count++)
		if (pthread_create(&offload->threads[offload->thread_count], NULL, offload_main,
				   offload) != 0)
			abort();
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
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	for (size_t i = 0; i < h->thread_count; i++)
		(void)pthread_join(h->threads[i], NULL);
	tell_all(h, &h->finished);
	tell_all(h, &h->waiting);
	watch_free(&h->watch);
	(void)close(h->event_fd);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h->threads);
	free(h);
}
