/* See host.h. The registry's lock is held while a host starts and while it ends, so that of two threads which join at once one
 * waits for the other, and a directory is never opened while its last host is still closing it. The hosts' own threads never take
 * that lock. */
#include "broker/embedded/line/host.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/embedded/line/attach.h"
#include "broker/embedded/line/port.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

struct host {
	LIST_ENTRY(host) next;
	dev_t device; /* of its directory, which may be named in two ways */
	ino_t inode;
	size_t joined_count;
	char *directory;
	const struct broker_settings *settings;
	const struct routing *routing;
	int lock_fd;

	pthread_t thread;
	struct loop *loop;
	struct core *core;
	struct doorway *doorway;

	pthread_mutex_t start_lock; /* over the next three */
	pthread_cond_t start_came;
	bool has_started; /* or failed */
	enum err err;
	struct why why;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, host) hosts = LIST_HEAD_INITIALIZER(hosts);

struct loop *host_loop(const struct host *host)
{
	return host->loop;
}

struct core *host_core(const struct host *host)
{
	return host->core;
}

/* ---- the directory ---- */

/* So that what was made in it survives a power cut. Some file systems have no such thing (EINVAL). */
static enum err sync_directory(const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = OK;
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		err = fail(why, E_IO, "sync %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return err;
}

static enum err make_one(const char *path, struct why *why)
{
	char above[PATH_MAX];
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? OK : fail(why, E_IO, "make %s: %s", path, strerror(errno));
	if ((size_t)snprintf(above, sizeof above, "%s/..", path) >= sizeof above)
		return fail(why, E_IO, "%s: the name is too long", path);
	return sync_directory(above, why);
}

static enum err make_directory(const char *path, struct why *why)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	enum err err = OK;
	if (len >= sizeof part)
		return fail(why, E_IO, "%s: the name is too long", path);
	memcpy(part, path, len + 1);
	for (char *slash = strchr(part + 1, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		err = make_one(part, why);
		*slash = '/';
	}
	return err ? err : make_one(path, why);
}

static enum err is_locked_by_other(int fd, const char *directory, struct why *why)
{
	char who[64];
	ssize_t len = pread(fd, who, sizeof who - 1, 0);
	who[len > 0 ? len : 0] = '\0';
	who[strcspn(who, "\n")] = '\0';
	return fail(why, E_BLOCKED, "%s belongs to %s", directory,
		    who[0] ? who : "another process");
}

/* The kernel lets go of the lock with the last copy of the descriptor, so also when we are killed. What is written in the file is
 * for people only. */
static enum err lock_directory(const char *directory, int *ret_fd, struct why *why)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/lock", directory) >= sizeof path)
		return fail(why, E_IO, "%s: the name is too long", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(why, E_IO, "open %s: %s", path, strerror(errno));
	enum err err = OK;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		err = errno == EWOULDBLOCK ? is_locked_by_other(fd, directory, why)
					   : fail(why, E_IO, "lock %s: %s", path, strerror(errno));
	else if (ftruncate(fd, 0) != 0 || dprintf(fd, "process %d\n", (int)getpid()) < 0)
		err = fail(why, E_IO, "write %s: %s", path, strerror(errno));
	if (err)
		(void)close(fd);
	else
		*ret_fd = fd;
	return err;
}

/* ---- the thread ---- */

static void on_end(void *owner)
{
	struct host *host = owner;
	loop_stop(host->loop);
}

static enum err open_on_thread(struct host *host, struct why *why)
{
	enum err err = core_open(host->loop, host->directory, host->settings, host->routing,
				 &host->core, why);
	if (err)
		return err;
	err = sync_directory(host->directory, why);
	if (err == OK)
		err = doorway_open(host->loop, host->core, host->directory, &host->doorway, why);
	if (err == OK && host->settings->heartbeat > 0)
		doorway_ping_every(host->doorway, host->settings->heartbeat);
	if (err)
		core_close(&host->core);
	return err;
}

static void *run(void *owner)
{
	struct host *host = owner;
	struct why why = {""};
	log_set_role("broker");
	enum err err = open_on_thread(host, &why);
	pthread_mutex_lock(&host->start_lock);
	host->err = err;
	host->why = why;
	host->has_started = true;
	pthread_cond_signal(&host->start_came);
	pthread_mutex_unlock(&host->start_lock);
	if (err)
		return NULL;
	loop_run(host->loop);
	doorway_close(&host->doorway);
	core_close(&host->core);
	return NULL;
}

/* Signals are for the program's own threads. */
static void start_thread(struct host *host)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&host->thread, NULL, run, host) != 0)
		abort(); /* no memory for a thread */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static enum err wait_started(struct host *host, struct why *why)
{
	pthread_mutex_lock(&host->start_lock);
	while (!host->has_started)
		pthread_cond_wait(&host->start_came, &host->start_lock);
	enum err err = host->err;
	if (err && why)
		*why = host->why;
	pthread_mutex_unlock(&host->start_lock);
	return err;
}

/* ---- joining and leaving ---- */

static struct host *host_new(const char *directory, const struct broker_settings *settings,
			     const struct routing *routing, int lock_fd)
{
	struct host *host = memory_new(sizeof *host);
	host->directory = memory_text(directory);
	host->settings = settings;
	host->routing = routing;
	host->lock_fd = lock_fd;
	host->loop = loop_new();
	pthread_mutex_init(&host->start_lock, NULL);
	pthread_cond_init(&host->start_came, NULL);
	return host;
}

/* Its thread has ended. */
static void host_free(struct host *host)
{
	loop_free(&host->loop);
	(void)close(host->lock_fd); /* the last of all: now others may open the directory */
	pthread_mutex_destroy(&host->start_lock);
	pthread_cond_destroy(&host->start_came);
	free(host->directory);
	free(host);
}

static enum err host_start(const char *directory, const struct broker_settings *settings,
			   const struct routing *routing, struct host **ret, struct why *why)
{
	int lock_fd = -1;
	enum err err = lock_directory(directory, &lock_fd, why);
	if (err)
		return err;
	struct host *host = host_new(directory, settings, routing, lock_fd);
	start_thread(host);
	err = wait_started(host, why);
	if (err) {
		(void)pthread_join(host->thread, NULL);
		host_free(host);
		return err;
	}
	*ret = host;
	return OK;
}

static enum err join(const char *directory, const struct broker_settings *settings,
		     const struct routing *routing, struct host **ret, struct why *why)
{
	struct stat status;
	struct host *host;
	enum err err = make_directory(directory, why);
	if (err)
		return err;
	if (stat(directory, &status) != 0)
		return fail(why, E_IO, "look at %s: %s", directory, strerror(errno));
	LIST_FOREACH(host, &hosts, next)
	{
		if (host->device == status.st_dev && host->inode == status.st_ino)
			break;
	}
	if (!host) {
		err = host_start(directory, settings, routing, &host, why);
		if (err)
			return err;
		host->device = status.st_dev;
		host->inode = status.st_ino;
		LIST_INSERT_HEAD(&hosts, host, next);
	}
	host->joined_count++;
	*ret = host;
	return OK;
}

enum err host_join(const char *directory, const struct broker_settings *settings,
		   const struct routing *routing, struct host **ret, struct why *why)
{
	pthread_mutex_lock(&registry_lock);
	enum err err = join(directory, settings, routing, ret, why);
	pthread_mutex_unlock(&registry_lock);
	return err;
}

/* Its ports are closed, and their last nudges were posted before `on_end`: the core has all of it. */
static void end(struct host *host)
{
	LIST_REMOVE(host, next);
	loop_post(host->loop, on_end, host);
	(void)pthread_join(host->thread, NULL);
	host_free(host);
}

void host_leave(struct host **host)
{
	struct host *old = *host;
	*host = NULL;
	if (!old)
		return;
	pthread_mutex_lock(&registry_lock);
	assert(old->joined_count > 0);
	if (--old->joined_count == 0)
		end(old);
	pthread_mutex_unlock(&registry_lock);
}
