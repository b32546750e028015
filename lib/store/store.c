/* Opening and closing of stores: one environment per directory in a process, because LMDB's file locks are the process's own and
 * a second environment on the same files would break them. Holders of one directory share it by reference. */
#include "lib/store/store.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/store/env.h"

/* Address space, not memory or disk: the file grows as it is written. */
#define MAP_BYTES	 ((size_t)64 << 30)
#define COMPACT_BYTES	 ((uint64_t)64 << 20)
#define COMPACT_RETRY_MS 60000

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *registry;

/* The directory and those above it, each made for its owner only. */
static enum err make_directory(const char *path, struct why *why)
{
	char *copy = memory_text(path);
	for (char *slash = copy[0] ? strchr(copy + 1, '/') : NULL; slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0700); /* the last one tells */
		*slash = '/';
	}
	int rc = mkdir(copy, 0700) && errno != EEXIST ? errno : 0;
	free(copy);
	return rc ? fail(why, rc == ENOSPC ? E_FULL : E_IO, "make %s: %s", path, strerror(rc)) : OK;
}

static struct store *find_open(const struct stat *directory)
{
	for (struct store *store = registry; store; store = store->next)
		if (store->device == directory->st_dev && store->inode == directory->st_ino)
			return store;
	return NULL;
}

/* ---- opening ---- */

static struct store_options without_zeros(struct store_options options)
{
	if (!options.compact_file_bytes)
		options.compact_file_bytes = COMPACT_BYTES;
	if (!options.compact_used_bytes)
		options.compact_used_bytes = COMPACT_BYTES;
	if (!options.compact_retry_ms)
		options.compact_retry_ms = COMPACT_RETRY_MS;
	if (!options.map_bytes)
		options.map_bytes = MAP_BYTES;
	return options;
}

static void free_store(struct store *store)
{
	mdb_env_close(store->env);
	guard_give(store->guard);
	pthread_mutex_destroy(&store->opening_lock);
	pthread_mutex_destroy(&store->turnstile);
	pthread_rwlock_destroy(&store->map_lock);
	free(store->directory);
	free(store);
}

static enum err open_env(struct store *store, struct why *why)
{
	if (store->options.is_exclusive)
		compact_remove_stale(store->directory);
	int rc = env_open(store);
	if (!rc)
		return OK;
	return fail(why, store_fail(NULL, rc, "open"), "open store %s: %s", store->directory,
		    mdb_strerror(rc));
}

static enum err open_new(const char *path, const struct stat *directory,
			 struct store_options options, struct store **ret, struct why *why)
{
	char *absolute = realpath(path, NULL);
	if (!absolute)
		return fail(why, E_IO, "open store %s: %s", path, strerror(errno));
	int guard;
	enum err err = guard_take(absolute, options.is_exclusive, &guard, why);
	if (err) {
		free(absolute);
		return err;
	}
	struct store *store = memory_new(sizeof *store);
	store->directory = absolute;
	store->options = without_zeros(options);
	store->guard = guard;
	store->device = directory->st_dev;
	store->inode = directory->st_ino;
	pthread_rwlock_init(&store->map_lock, NULL);
	pthread_mutex_init(&store->opening_lock, NULL);
	pthread_mutex_init(&store->turnstile, NULL);
	err = open_env(store, why);
	if (err)
		free_store(store);
	else
		*ret = store;
	return err;
}

static void add_to_registry(struct store *store)
{
	store->writer = writer_start(store);
	store->next = registry;
	registry = store;
}

static enum err open_locked(const char *path, const struct stat *directory,
			    const char *const *databases, size_t database_count,
			    struct store_options options, struct store **ret, struct why *why)
{
	struct store *known = find_open(directory), *store = known;
	if (known && options.is_exclusive && !known->options.is_exclusive)
		return fail(why, E_BLOCKED, "open store %s: it is open to be shared", path);
	enum err err = known ? OK : open_new(path, directory, options, &store, why);
	if (err)
		return err;
	assert(store);
	err = env_open_databases(store, databases, database_count, why);
	if (err) {
		if (!known)
			free_store(store);
		return err;
	}
	if (!known)
		add_to_registry(store);
	store->references++;
	*ret = store;
	return OK;
}

enum err store_open_with(const char *directory, const char *const *databases, size_t database_count,
			 struct store_options options, struct store **ret, struct why *why)
{
	enum err err = make_directory(directory, why);
	if (err)
		return err;
	struct stat about;
	if (stat(directory, &about))
		return fail(why, E_IO, "open store %s: %s", directory, strerror(errno));
	pthread_mutex_lock(&registry_lock);
	err = open_locked(directory, &about, databases, database_count, options, ret, why);
	pthread_mutex_unlock(&registry_lock);
	return err;
}

enum err store_open(const char *directory, const char *const *databases, size_t database_count,
		    struct store **ret, struct why *why)
{
	return store_open_with(directory, databases, database_count, (struct store_options){0}, ret,
			       why);
}

void store_unname(const struct store *store)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "open.lock"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", store->directory, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(store->directory);
}

void store_close(struct store **store)
{
	struct store *closing = *store;
	*store = NULL;
	if (!closing)
		return;
	/* Locked until the end, so that another opening of the directory waits for this environment to be gone. */
	pthread_mutex_lock(&registry_lock);
	if (--closing->references == 0) {
		struct store **link = &registry;
		while (*link != closing)
			link = &(*link)->next;
		*link = closing->next;
		writer_stop(&closing->writer);
		free_store(closing);
	}
	pthread_mutex_unlock(&registry_lock);
}

int store_database(const struct store *store, const char *name)
{
	int index = env_find_database(store, name);
	assert(index >= 0);
	return index;
}

void store_write(struct store *store, enum err (*job)(void *owner, struct store_txn *txn),
		 struct loop *loop, void (*done)(void *owner, enum err err), void *owner)
{
	assert(loop || !done);
	writer_queue(store->writer, job, loop, done, owner);
}
