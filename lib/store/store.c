/* Opening and closing of stores: one environment per directory in a process, because LMDB's file locks are the process's own and
 * a second environment on the same files would break them. Holders of one directory share it by reference. */
#include "lib/store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/memory.h"
#include "lib/base/trial.h"
#include "lib/store/env.h"

/* Address space, not memory or disk: the file grows as it is written. */
#define MAP_BYTES   ((size_t)64 << 30)
#define READERS_MAX 1024

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *registry;

enum err store_fail(struct why *why, int rc, const char *doing)
{
	switch (rc) {
	case MDB_SUCCESS:
		return OK;
	case MDB_NOTFOUND:
		return fail(why, E_NOT_FOUND, "%s: no such key", doing);
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
		return fail(why, E_FULL, "%s: %s", doing, mdb_strerror(rc));
	default:
		return fail(why, E_IO, "%s: %s", doing, mdb_strerror(rc));
	}
}

/* ---- the map ---- */

static int set_map(struct store *store, size_t bytes)
{
	pthread_rwlock_wrlock(&store->map_lock);
	int rc = mdb_env_set_mapsize(store->env, bytes);
	pthread_rwlock_unlock(&store->map_lock);
	return rc;
}

int store_grow_map(struct store *store)
{
	MDB_envinfo info;
	int rc = mdb_env_info(store->env, &info);
	return rc ? rc : set_map(store, info.me_mapsize * 2);
}

int store_begin(struct store *store, unsigned flags, MDB_txn **ret)
{
	bool has_checked_readers = false;
	for (;;) {
		pthread_rwlock_rdlock(&store->map_lock);
		int rc = mdb_txn_begin(store->env, NULL, flags, ret);
		if (rc == MDB_SUCCESS)
			return rc;
		pthread_rwlock_unlock(&store->map_lock);

		int dead;
		if (rc == MDB_MAP_RESIZED)
			rc = set_map(store, 0); /* 0 takes the size that the file asks for */
		else if (rc == MDB_READERS_FULL && !has_checked_readers)
			rc = mdb_reader_check(store->env, &dead);
		else
			return rc;
		if (rc)
			return rc;
		has_checked_readers = true;
	}
}

/* ---- databases ---- */

static int find_database(const struct store *store, const char *name)
{
	size_t count = atomic_load(&store->database_count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(store->databases[i].name, name) == 0)
			return (int)i;
	return -1;
}

int store_database(const struct store *store, const char *name)
{
	int index = find_database(store, name);
	assert(index >= 0);
	return index;
}

/* Under the registry's lock: LMDB wants its handles opened by one transaction at a time. */
static enum err open_databases(struct store *store, const char *const *names, size_t count,
			       struct why *why)
{
	size_t before = atomic_load(&store->database_count), after = before;
	MDB_txn *txn;
	int rc = store_begin(store, 0, &txn);
	if (rc)
		return store_fail(why, rc, "begin");
	for (size_t i = 0; i < count && !rc; i++) {
		if (find_database(store, names[i]) >= 0)
			continue;
		assert(after < STORE_DATABASES_MAX);
		struct database *database = &store->databases[after++];
		bool fits =
			bytes_to_cstr(bytes_of(names[i]), database->name, sizeof database->name);
		assert(fits);
		rc = mdb_dbi_open(txn, names[i], MDB_CREATE, &database->dbi);
	}
	if (rc)
		mdb_txn_abort(txn);
	else if (after > before)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	pthread_rwlock_unlock(&store->map_lock);
	if (!rc)
		atomic_store(&store->database_count, after);
	return store_fail(why, rc, "open databases");
}

/* ---- opening ---- */

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

/* Default flags but for MDB_NOTLS: without it a thread could hold one snapshot only, and LMDB would free it with the thread.
 * Never NOSYNC or WRITEMAP, which lose acknowledged writes in a power cut; the mutant shows that a test would notice. */
static int open_env(struct store *store, const char *path, size_t map_bytes)
{
	int rc = mdb_env_create(&store->env);
	if (rc)
		return rc;
	unsigned flags = MDB_NOTLS | (MUTANT("nosync") ? MDB_NOSYNC : 0);
	int dead;
	if ((rc = mdb_env_set_mapsize(store->env, map_bytes)) ||
	    (rc = mdb_env_set_maxdbs(store->env, STORE_DATABASES_MAX)) ||
	    (rc = mdb_env_set_maxreaders(store->env, READERS_MAX)) ||
	    (rc = mdb_env_open(store->env, path, flags, 0600)) ||
	    (rc = mdb_reader_check(store->env, &dead))) /* left by processes that died */
		mdb_env_close(store->env);
	return rc;
}

static void close_env(struct store *store)
{
	mdb_env_close(store->env);
	pthread_rwlock_destroy(&store->map_lock);
	free(store);
}

static struct store *open_new(const char *path, const struct stat *directory, size_t map_bytes,
			      struct why *why)
{
	struct store *store = memory_new(sizeof *store);
	store->device = directory->st_dev;
	store->inode = directory->st_ino;
	int rc = open_env(store, path, map_bytes);
	if (rc) {
		(void)fail(why, E_IO, "open store %s: %s", path, mdb_strerror(rc));
		free(store);
		return NULL;
	}
	pthread_rwlock_init(&store->map_lock, NULL);
	return store;
}

static void add_to_registry(struct store *store)
{
	store->writer = writer_start(store);
	store->next = registry;
	registry = store;
}

static enum err open_locked(const char *path, const struct stat *directory,
			    const char *const *databases, size_t database_count, size_t map_bytes,
			    struct store **ret, struct why *why)
{
	struct store *known = find_open(directory);
	struct store *store = known ? known : open_new(path, directory, map_bytes, why);
	if (!store)
		return E_IO;
	enum err err = open_databases(store, databases, database_count, why);
	if (err) {
		if (!known)
			close_env(store);
		return err;
	}
	if (!known)
		add_to_registry(store);
	store->references++;
	*ret = store;
	return OK;
}

enum err store_open_sized(const char *directory, const char *const *databases,
			  size_t database_count, size_t map_bytes, struct store **ret,
			  struct why *why)
{
	enum err err = make_directory(directory, why);
	if (err)
		return err;
	struct stat about;
	if (stat(directory, &about))
		return fail(why, E_IO, "open store %s: %s", directory, strerror(errno));
	pthread_mutex_lock(&registry_lock);
	err = open_locked(directory, &about, databases, database_count, map_bytes, ret, why);
	pthread_mutex_unlock(&registry_lock);
	return err;
}

enum err store_open(const char *directory, const char *const *databases, size_t database_count,
		    struct store **ret, struct why *why)
{
	return store_open_sized(directory, databases, database_count, MAP_BYTES, ret, why);
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
		close_env(closing);
	}
	pthread_mutex_unlock(&registry_lock);
}

void store_write(struct store *store, enum err (*job)(void *owner, struct store_txn *txn),
		 struct loop *loop, void (*done)(void *owner, enum err err), void *owner)
{
	assert(loop || !done);
	writer_queue(store->writer, job, loop, done, owner);
}
