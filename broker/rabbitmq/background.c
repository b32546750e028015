/* See background.h. A piece has two holders, the loop and the thread; the lock decides which of
 * them is the last. An abandoned piece never posts, because its loop may be gone.
 *
 * A thread that has posted is joined: what libraries keep for it (OpenSSL, below libcurl) must be given back before the process may
 * end, and it has nothing left to do that could take long. */
#include "broker/rabbitmq/background.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct background {
	pthread_mutex_t lock;
	pthread_t thread;
	struct loop *loop;
	const struct background_work *type;
	void *work, *owner;
	bool is_abandoned;
};

static void destroy(struct background *background)
{
	background->type->free_work(background->work);
	pthread_mutex_destroy(&background->lock);
	free(background);
}

static void on_finished(void *owner)
{
	struct background *background = owner;
	(void)pthread_join(background->thread, NULL);
	if (!background->is_abandoned)
		background->type->finished(background->owner, background->work);
	destroy(background);
}

static void *run(void *owner)
{
	struct background *background = owner;
	background->type->run(background->work);
	pthread_mutex_lock(&background->lock);
	bool is_abandoned = background->is_abandoned;
	if (!is_abandoned)
		loop_post(background->loop, on_finished, background);
	pthread_mutex_unlock(&background->lock);
	if (is_abandoned) {
		(void)pthread_detach(pthread_self());
		destroy(background);
	}
	return NULL;
}

struct background *background_start(struct loop *loop, const struct background_work *type,
				    void *work, void *owner)
{
	struct background *background = memory_new(sizeof *background);
	pthread_mutex_init(&background->lock, NULL);
	background->loop = loop;
	background->type = type;
	background->work = work;
	background->owner = owner;
	if (pthread_create(&background->thread, NULL, run, background) != 0)
		abort(); /* no memory for a thread */
	return background;
}

void background_abandon(struct background **background)
{
	struct background *old = *background;
	*background = NULL;
	if (!old)
		return;
	pthread_mutex_lock(&old->lock);
	old->is_abandoned = true;
	pthread_mutex_unlock(&old->lock);
	/* Either the thread still runs and destroys it, or its post does. */
}
