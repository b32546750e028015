/* See outlet.h. The thread is detached: it may hang in a write for ever, and the process must be able to end all the same. So
 * whoever is last frees: the thread once it was told to end, else nobody. */
#include "leveret/outlet.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"

struct outlet {
	struct loop *loop;
	struct outlet_options options;
	bool is_busy; /* the loop's own */

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct buf bytes;
	bool has_bytes, is_abandoned;
	int error_number;
};

/* ---- the thread ---- */

static int sync_all(int fd)
{
	if (fdatasync(fd) == 0 || errno == EINVAL || errno == EROFS)
		return 0; /* a pipe, a terminal */
	return errno;
}

static void tell_written(void *owner)
{
	struct outlet *outlet = owner;
	outlet->is_busy = false;
	outlet->options.written(outlet->options.owner, outlet->error_number);
}

static void destroy(struct outlet *outlet)
{
	buf_done(&outlet->bytes);
	pthread_cond_destroy(&outlet->changed);
	pthread_mutex_destroy(&outlet->lock);
	free(outlet);
}

static void *run(void *owner)
{
	struct outlet *outlet = owner;
	pthread_mutex_lock(&outlet->lock);
	while (!outlet->is_abandoned) {
		if (!outlet->has_bytes) {
			pthread_cond_wait(&outlet->changed, &outlet->lock);
			continue;
		}
		pthread_mutex_unlock(&outlet->lock);
		int error_number = file_write_all(outlet->options.fd, buf_bytes(&outlet->bytes));
		if (!error_number && outlet->options.syncs)
			error_number = sync_all(outlet->options.fd);
		pthread_mutex_lock(&outlet->lock);
		buf_done(&outlet->bytes);
		outlet->error_number = error_number;
		outlet->has_bytes = false;
		if (!outlet->is_abandoned)
			loop_post(outlet->loop, tell_written, outlet);
	}
	pthread_mutex_unlock(&outlet->lock);
	destroy(outlet);
	return NULL;
}

/* ---- the loop ---- */

struct outlet *outlet_new(struct loop *loop, const struct outlet_options *options)
{
	pthread_t thread;
	struct outlet *outlet = memory_new(sizeof *outlet);
	outlet->loop = loop;
	outlet->options = *options;
	pthread_mutex_init(&outlet->lock, NULL);
	pthread_cond_init(&outlet->changed, NULL);
	if (pthread_create(&thread, NULL, run, outlet) != 0 || pthread_detach(thread) != 0)
		abort();
	return outlet;
}

void outlet_write(struct outlet *outlet, struct buf *bytes)
{
	assert(!outlet->is_busy);
	outlet->is_busy = true;
	pthread_mutex_lock(&outlet->lock);
	outlet->bytes = *bytes;
	outlet->has_bytes = true;
	pthread_cond_signal(&outlet->changed);
	pthread_mutex_unlock(&outlet->lock);
	buf_init(bytes, bytes->max);
}

bool outlet_is_busy(const struct outlet *outlet)
{
	return outlet->is_busy;
}

void outlet_free(struct outlet **outlet)
{
	struct outlet *old = *outlet;
	*outlet = NULL;
	if (!old)
		return;
	pthread_mutex_lock(&old->lock);
	old->is_abandoned = true;
	pthread_cond_signal(&old->changed);
	pthread_mutex_unlock(&old->lock);
}
