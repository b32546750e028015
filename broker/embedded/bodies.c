/* See bodies.h.
 *
 *   bodies_write -> waiting -- thread: write all, sync all, sync the folder --> finished -> told, freed
 *   forgotten, or failed -- thread: unlink --> finished -> freed
 *
 * The thread takes what waits in one go, so that files of one burst share the sync of their folder. */
#include "broker/embedded/bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/embedded/packet/record.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/trial.h"
#include "lib/loop/nudge.h"

#define PIECE_BYTES (256u << 10)
#define BURST_MAX   8

STAILQ_HEAD(body_list, body);

struct bodies {
	char *directory;
	void (*written)(void *owner, const struct body *body);
	void *owner;
	struct nudge nudge;
	size_t count; /* with the thread, or finished and not told */

	pthread_t thread;
	pthread_mutex_t lock; /* over the lists, is_ending, and is_unwanted of every body */
	pthread_cond_t came;
	struct body_list waiting, finished;
	bool is_ending;
	uint8_t *piece; /* the thread's */
};

static struct body *list_take(struct body_list *list)
{
	struct body *body = STAILQ_FIRST(list);
	if (body)
		STAILQ_REMOVE_HEAD(list, next);
	return body;
}

/* ---- on the thread ---- */

static bool is_unwanted(struct bodies *bodies, const struct body *body)
{
	pthread_mutex_lock(&bodies->lock);
	bool is_unwanted = body->is_unwanted || bodies->is_ending;
	pthread_mutex_unlock(&bodies->lock);
	return is_unwanted;
}

static enum err io_failed(struct why *why, const char *what, int error_number)
{
	enum err err = error_number == ENOSPC || error_number == EDQUOT ? E_FULL : E_IO;
	return fail(why, err, "%s a large body: %s", what, strerror(error_number));
}

static enum err write_piece(int fd, struct bytes b, struct why *why)
{
	int error_number = file_write_all(fd, b);
	return error_number ? io_failed(why, "write", error_number) : OK;
}

static enum err write_tail(struct bodies *bodies, struct body *body, int fd)
{
	uint64_t size = blob_size(body->tail);
	for (uint64_t at = 0; at < size;) {
		size_t len = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
		if (is_unwanted(bodies, body))
			return E_CANCELLED;
		enum err err = blob_read(body->tail, at, bodies->piece, len, &body->why);
		if (err == OK)
			err = write_piece(fd, bytes_from(bodies->piece, len), &body->why);
		if (err)
			return err;
		at += len;
	}
	return OK;
}

/* The descriptor stays open, to be synced together with others; -1 when it failed. */
static int write_body(struct bodies *bodies, struct body *body)
{
	char path[BODY_PATH_MAX];
	body_path(bodies->directory, body->file, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		body->err = io_failed(&body->why, "make the file of", errno);
		return -1;
	}
	body->err = write_piece(fd, body->head, &body->why);
	if (body->err == OK)
		body->err = write_tail(bodies, body, fd);
	if (body->err == OK)
		return fd;
	(void)close(fd);
	return -1;
}

static void sync_body(struct body *body, int fd)
{
	if (!MUTANT("nosync") && fdatasync(fd) != 0)
		body->err = io_failed(&body->why, "sync", errno);
	if (close(fd) != 0 && body->err == OK)
		body->err = io_failed(&body->why, "close", errno);
}

static enum err sync_folder(const struct bodies *bodies, struct why *why)
{
	char path[BODY_PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/bodies", bodies->directory);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return io_failed(why, "open the folder of", errno);
	enum err err = OK;
	if (!MUTANT("nosync") && fsync(fd) != 0)
		err = io_failed(why, "sync the folder of", errno);
	(void)close(fd);
	return err;
}

static void remove_body(const struct bodies *bodies, const struct body *body)
{
	char path[BODY_PATH_MAX];
	body_path(bodies->directory, body->file, path);
	(void)unlink(path);
}

static void write_burst(struct bodies *bodies, struct body **burst, size_t count)
{
	int fds[BURST_MAX];
	struct why why = {""};
	for (size_t i = 0; i < count; i++)
		fds[i] = is_unwanted(bodies, burst[i]) ? -1 : write_body(bodies, burst[i]);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			sync_body(burst[i], fds[i]);
	}
	enum err err = sync_folder(bodies, &why);
	CRASH_POINT("body-written");
	for (size_t i = 0; i < count; i++) {
		if (burst[i]->err == OK && err) {
			burst[i]->err = err;
			burst[i]->why = why;
		}
		if (burst[i]->err || is_unwanted(bodies, burst[i]))
			remove_body(bodies, burst[i]);
	}
}

static size_t take_burst(struct bodies *bodies, struct body **burst)
{
	size_t count = 0;
	pthread_mutex_lock(&bodies->lock);
	while (STAILQ_EMPTY(&bodies->waiting) && !bodies->is_ending)
		pthread_cond_wait(&bodies->came, &bodies->lock);
	while (!bodies->is_ending && count < BURST_MAX && !STAILQ_EMPTY(&bodies->waiting))
		burst[count++] = list_take(&bodies->waiting);
	pthread_mutex_unlock(&bodies->lock);
	return count;
}

static void *run(void *owner)
{
	struct bodies *bodies = owner;
	struct body *burst[BURST_MAX];
	char path[BODY_PATH_MAX];
	size_t count;
	(void)snprintf(path, sizeof path, "%s/bodies", bodies->directory);
	(void)mkdir(path, 0700); /* the core makes it too */
	while ((count = take_burst(bodies, burst)) > 0) {
		write_burst(bodies, burst, count);
		pthread_mutex_lock(&bodies->lock);
		for (size_t i = 0; i < count; i++)
			STAILQ_INSERT_TAIL(&bodies->finished, burst[i], next);
		pthread_mutex_unlock(&bodies->lock);
		nudge_send(&bodies->nudge);
	}
	return NULL;
}

/* ---- on the loop ---- */

static void body_free(struct bodies *bodies, struct body *body)
{
	blob_unref(&body->tail);
	free((void *)body->head.data);
	free(body);
	bodies->count--;
}

static struct body *take_finished(struct bodies *bodies)
{
	pthread_mutex_lock(&bodies->lock);
	struct body *body = list_take(&bodies->finished);
	pthread_mutex_unlock(&bodies->lock);
	return body;
}

static void on_finished(void *owner)
{
	struct bodies *bodies = owner;
	struct body *body;
	while ((body = take_finished(bodies))) {
		if (body->waiting)
			bodies->written(bodies->owner, body);
		else if (body->err == OK) /* forgotten since the thread last looked: rare */
			remove_body(bodies, body);
		body_free(bodies, body);
	}
}

enum err bodies_write(struct bodies *bodies, uint64_t file, struct bytes head, struct blob *tail,
		      void *waiting, struct body **ret)
{
	if (bodies->count >= BODIES_COUNT_MAX)
		return E_FULL;
	struct body *body = memory_new(sizeof *body);
	uint8_t *copy = memory_new(head.len);
	if (head.len > 0)
		memcpy(copy, head.data, head.len);
	body->file = file;
	body->head = bytes_from(copy, head.len);
	body->tail = blob_ref(tail);
	body->waiting = waiting;
	bodies->count++;
	*ret = body;
	pthread_mutex_lock(&bodies->lock);
	STAILQ_INSERT_TAIL(&bodies->waiting, body, next);
	pthread_cond_signal(&bodies->came);
	pthread_mutex_unlock(&bodies->lock);
	return OK;
}

void bodies_forget(struct bodies *bodies, struct body *body)
{
	body->waiting = NULL;
	pthread_mutex_lock(&bodies->lock);
	body->is_unwanted = true;
	pthread_mutex_unlock(&bodies->lock);
}

/* Signals are for the program's own threads. */
static void start_thread(struct bodies *bodies)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&bodies->thread, NULL, run, bodies) != 0)
		abort(); /* no memory for a thread */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct bodies *bodies_new(struct loop *loop, const char *directory,
			  void (*written)(void *owner, const struct body *body), void *owner)
{
	struct bodies *bodies = memory_new(sizeof *bodies);
	bodies->directory = memory_text(directory);
	bodies->written = written;
	bodies->owner = owner;
	nudge_init(&bodies->nudge, loop, on_finished, bodies);
	pthread_mutex_init(&bodies->lock, NULL);
	pthread_cond_init(&bodies->came, NULL);
	STAILQ_INIT(&bodies->waiting);
	STAILQ_INIT(&bodies->finished);
	bodies->piece = memory_new(PIECE_BYTES);
	start_thread(bodies);
	return bodies;
}

void bodies_free(struct bodies **bodies)
{
	struct bodies *old = *bodies;
	struct body *body;
	*bodies = NULL;
	if (!old)
		return;
	pthread_mutex_lock(&old->lock);
	old->is_ending = true;
	pthread_cond_signal(&old->came);
	pthread_mutex_unlock(&old->lock);
	(void)pthread_join(old->thread, NULL);
	nudge_cancel(&old->nudge);
	while ((body = list_take(&old->finished))) {
		if (body->err == OK)
			remove_body(old, body);
		body_free(old, body);
	}
	while ((body = list_take(&old->waiting)))
		body_free(old, body);
	pthread_mutex_destroy(&old->lock);
	pthread_cond_destroy(&old->came);
	free(old->piece);
	free(old->directory);
	free(old);
}
