/* LMDB's environment: opening it, its map, its databases. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/base/trial.h"
#include "lib/store/env.h"

int store_write_rc(int rc)
{
	return rc == EIO && errno != EIO ? ENOSPC : rc;
}

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

/* ---- opening ---- */

/* Default flags but for MDB_NOTLS: without it a thread could hold one snapshot only, and LMDB would free it with the thread.
 * Never NOSYNC or WRITEMAP, which lose acknowledged writes in a power cut; the mutant shows that a test would notice. */
int env_open(struct store *store)
{
	int rc = mdb_env_create(&store->env);
	if (rc) {
		store->env = NULL;
		return rc;
	}
	unsigned flags = MDB_NOTLS | (MUTANT("nosync") ? MDB_NOSYNC : 0);
	int dead;
	if ((rc = mdb_env_set_mapsize(store->env, store->options.map_bytes)) ||
	    (rc = mdb_env_set_maxdbs(store->env, STORE_DATABASES_MAX)) ||
	    (rc = mdb_env_set_maxreaders(store->env, STORE_READERS_MAX)) ||
	    (rc = mdb_env_open(store->env, store->directory, flags, 0600)) ||
	    (rc = mdb_reader_check(store->env, &dead))) { /* left by processes that died */
		mdb_env_close(store->env);
		store->env = NULL;
	}
	return rc;
}

/* ---- the map ---- */

/* Transactions of this thread. One that has a snapshot must not wait at the turnstile, for it is waited for itself. */
static _Thread_local unsigned begun_count;

static void lock_map(struct store *store)
{
	if (begun_count == 0) { /* or readers that overlap would keep a writer waiting for ever */
		pthread_mutex_lock(&store->turnstile);
		pthread_mutex_unlock(&store->turnstile);
	}
	pthread_rwlock_rdlock(&store->map_lock);
}

void store_end(struct store *store)
{
	begun_count--;
	pthread_rwlock_unlock(&store->map_lock);
}

static int set_map(struct store *store, size_t bytes)
{
	pthread_mutex_lock(&store->turnstile);
	pthread_rwlock_wrlock(&store->map_lock);
	pthread_mutex_unlock(&store->turnstile);
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
		lock_map(store);
		int rc = store->env ? mdb_txn_begin(store->env, NULL, flags, ret) : MDB_PANIC;
		if (rc == MDB_SUCCESS) {
			begun_count++;
			return rc;
		}
		bool may_help = rc == MDB_READERS_FULL && !has_checked_readers;
		int dead;
		if (may_help)
			rc = mdb_reader_check(store->env, &dead);
		pthread_rwlock_unlock(&store->map_lock);

		if (rc == MDB_MAP_RESIZED)
			rc = set_map(store, 0); /* 0 takes the size that the file asks for */
		else if (!may_help)
			return rc;
		if (rc)
			return rc;
		has_checked_readers = true;
	}
}

/* ---- databases ---- */

int env_find_database(const struct store *store, const char *name)
{
	size_t count = atomic_load(&store->database_count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(store->databases[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Appends those that are not open yet; *ret is the count with them. */
static int open_new_databases(struct store *store, MDB_txn *txn, const char *const *names,
			      size_t count, size_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (env_find_database(store, names[i]) >= 0)
			continue;
		assert(*ret < STORE_DATABASES_MAX);
		struct database *database = &store->databases[*ret];
		bool fits =
			bytes_to_cstr(bytes_of(names[i]), database->name, sizeof database->name);
		assert(fits);
		int rc = mdb_dbi_open(txn, names[i], MDB_CREATE, &database->dbi);
		if (rc)
			return rc;
		(*ret)++;
	}
	return MDB_SUCCESS;
}

static int open_databases(struct store *store, const char *const *names, size_t count)
{
	size_t before = atomic_load(&store->database_count), after = before;
	MDB_txn *txn;
	int rc = store_begin(store, 0, &txn);
	if (rc)
		return rc;
	rc = open_new_databases(store, txn, names, count, &after);
	if (rc || after == before)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (!rc)
		atomic_store(&store->database_count, after);
	store_end(store);
	return rc;
}

enum err env_open_databases(struct store *store, const char *const *names, size_t count,
			    struct why *why)
{
	int rc;
	pthread_mutex_lock(&store->opening_lock);
	do
		rc = open_databases(store, names, count);
	while (rc == MDB_MAP_FULL && store_grow_map(store) == MDB_SUCCESS);
	pthread_mutex_unlock(&store->opening_lock);
	return store_fail(why, rc, "open databases");
}

/* A transaction that is committed, though it only reads: otherwise LMDB would close the handles with it. */
int env_reopen_databases(struct store *store)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return rc;
	size_t count = atomic_load(&store->database_count);
	for (size_t i = 0; i < count && !rc; i++)
		rc = mdb_dbi_open(txn, store->databases[i].name, 0, &store->databases[i].dbi);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	return rc;
}
