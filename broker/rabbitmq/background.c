/* See background.h. A piece has two holders, the loop and the thread; the lock decides which of
 * them is the last. An abandoned piece never posts, because its loop may be gone. */
#include "broker/rabbitmq/background.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct background {
	pthread_mutex_t lock;
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
	pthread_mutex_lock(&background->lock); /* the thread may still be on its way out of it */
	bool is_abandoned = background->is_abandoned;
	pthread_mutex_unlock(&background->lock);
	if (!is_abandoned)
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
	if (is_abandoned)
		destroy(background);
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
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, run, background) != 0)
		abort(); /* no memory for a thread */
	pthread_attr_destroy(&attributes);
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
