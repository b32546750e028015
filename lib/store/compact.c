/* Giving space back to the disk. LMDB's file never shrinks by itself, so a queue that was long once would keep its disk for ever.
 *
 *   copy what is in use -> sync the copy -> no snapshot is open: rename it over the file, open that -> sync the directory
 *
 * A process that dies on the way leaves either file in place, with the same content: nothing is committed meanwhile. The directory
 * is synced before the next commit, so that a power cut cannot bring the old file back once something was acknowledged. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/trial.h"
#include "lib/store/env.h"

#define SNAPSHOTS_WAIT_NS                                                                          \
	100000000 /* for their end: a long one must hold up neither jobs nor others */

static void path_of(char path[PATH_MAX], const char *directory, const char *file)
{
	(void)snprintf(path, PATH_MAX, "%s/%s", directory, file);
}

void compact_remove_stale(const char *directory)
{
	char path[PATH_MAX];
	path_of(path, directory, "data.mdb.compact");
	(void)unlink(path);
}

/* ---- is it worth it ---- */

static uint64_t pages_of(const MDB_stat *about)
{
	return about->ms_branch_pages + about->ms_leaf_pages + about->ms_overflow_pages;
}

/* The pages of our databases: cheap to ask for after every commit, where counting the free ones is not. */
static uint64_t used_bytes_at_least(struct store *store, MDB_txn *txn)
{
	MDB_stat about;
	uint64_t pages = 0;
	for (size_t i = 0; i < atomic_load(&store->database_count); i++) {
		if (mdb_stat(txn, store->databases[i].dbi, &about))
			return UINT64_MAX;
		pages += pages_of(&about);
	}
	return pages * (mdb_env_stat(store->env, &about) ? 0 : about.ms_psize);
}

static bool is_due(struct store *store)
{
	const struct store_options *options = &store->options;
	MDB_txn *txn;
	if (!options->is_exclusive || clock_now_ms(clock_system()) < store->compact_after_ms ||
	    usage_file_bytes(store) <= options->compact_file_bytes ||
	    store_begin(store, MDB_RDONLY, &txn))
		return false;
	uint64_t limit = usage_file_bytes(store) / 4;
	if (limit > options->compact_used_bytes)
		limit = options->compact_used_bytes;
	bool is_small = used_bytes_at_least(store, txn) < limit && usage_used_bytes(txn) < limit;
	mdb_txn_abort(txn);
	store_end(store);
	return is_small;
}

/* ---- the copy ---- */

static int copy_to(struct store *store, int fd)
{
	pthread_rwlock_rdlock(&store->map_lock);
	int rc = mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT);
	pthread_rwlock_unlock(&store->map_lock);
	CRASH_POINT("store-compact-copied");
	if (!rc && fsync(fd))
		rc = errno;
	return rc;
}

static int copy(struct store *store, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	CRASH_POINT("store-compact-begun");
	int rc = copy_to(store, fd);
	if (close(fd) && !rc)
		rc = errno;
	CRASH_POINT("store-compact-synced");
	return rc;
}

/* ---- the exchange ---- */

static int sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int rc = fsync(fd) ? errno : 0;
	(void)close(fd);
	return rc;
}

static int reopen(struct store *store)
{
	mdb_env_close(store->env);
	int rc = env_open(store);
	if (!rc)
		rc = env_reopen_databases(store);
	CRASH_POINT("store-compact-opened");
	return rc;
}

/* False: nothing has changed. True: the file is another one, and *ret_rc tells whether it could be opened. */
static bool exchange(struct store *store, const char *path, int *ret_rc)
{
	char data[PATH_MAX];
	path_of(data, store->directory, "data.mdb");
	struct timespec until;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += SNAPSHOTS_WAIT_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&store->turnstile);
	int rc = pthread_rwlock_timedwrlock(&store->map_lock, &until);
	pthread_mutex_unlock(&store->turnstile);
	if (rc)
		return false;
	bool has_changed = rename(path, data) == 0;
	CRASH_POINT("store-compact-renamed");
	if (has_changed)
		*ret_rc = reopen(store);
	pthread_rwlock_unlock(&store->map_lock);
	return has_changed;
}

static enum err compact(struct store *store)
{
	char path[PATH_MAX];
	path_of(path, store->directory, "data.mdb.compact");
	int rc = 0;
	if (copy(store, path) || !exchange(store, path, &rc)) {
		(void)unlink(path);
		store->compact_after_ms =
			clock_now_ms(clock_system()) + store->options.compact_retry_ms;
		return OK;
	}
	if (!rc)
		rc = sync_directory(store->directory);
	CRASH_POINT("store-compact-done");
	return rc ? E_IO : OK;
}

enum err compact_if_due(struct store *store)
{
	if (!is_due(store))
		return OK;
	pthread_mutex_lock(&store->opening_lock);
	enum err err = compact(store);
	pthread_mutex_unlock(&store->opening_lock);
	return err;
}
