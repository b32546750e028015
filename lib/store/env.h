/* What the files of lib/store share: the environment, a transaction in it, and the writer thread. Not for others.
 *
 *   store.c   who has which directory open     env.c     LMDB's environment, its map and its databases
 *   txn.c     reading and writing in one       writer.c  the thread that runs jobs and commits
 *   inbox.c   the way back to the loops        compact.c the thread's other work: giving space back
 *   usage.c   how much is in use               guard.c   lock files */
#ifndef LEVERET_LIB_STORE_ENV_H
#define LEVERET_LIB_STORE_ENV_H

#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "lib/store/store.h"

#define STORE_DATABASES_MAX	32
#define STORE_READERS_MAX	1024
#define STORE_DATABASE_NAME_MAX 64

struct writer;

struct database {
	char name[STORE_DATABASE_NAME_MAX];
	MDB_dbi dbi;
};

struct store {
	char *directory; /* absolute */
	struct store_options options;
	int guard; /* the descriptor that keeps other processes away */
	/* Every transaction of this process holds it for reading: LMDB forbids changing the map while there is one, and a
	 * compaction exchanges the environment. */
	pthread_rwlock_t map_lock;
	pthread_mutex_t
		turnstile; /* before map_lock: who wants it for writing stops new readers here */
	MDB_env *env;	   /* NULL: lost in an exchange that failed */
	struct database databases[STORE_DATABASES_MAX]; /* grows at its end only */
	atomic_size_t database_count;
	pthread_mutex_t
		opening_lock; /* databases are opened, or a compaction is under way: not both */
	struct writer *writer;
	int64_t compact_after_ms; /* the writer's: not to be tried before */
	/* registry of this process, under its lock */
	dev_t device;
	ino_t inode;
	unsigned references;
	struct store *next;
};

struct store_txn {
	MDB_txn *mdb; /* NULL: it could not be begun */
	struct store *store;
	enum err failure; /* LMDB failed in it, so it cannot be committed, whatever the job says */
	int shortage; /* MDB_MAP_FULL, MDB_TXN_FULL: no fault of the job, which is run again with more room */
	size_t write_count, write_bytes;
};

/* What LMDB gives for a write, after errno was set to 0: a full disk makes the last write a short one, which it reports as EIO, as
 * if the disk were broken; but then no call has failed. */
int store_write_rc(int rc);

/* rc of LMDB or errno as ours; why may be NULL. */
enum err store_fail(struct why *why, int rc, const char *doing);

/* Begin a top-level transaction, following a map that another process has grown. Takes map_lock for reading when it succeeds;
 * whoever ends the transaction gives it back by store_end(). */
int store_begin(struct store *store, unsigned flags, MDB_txn **ret);
void store_end(struct store *store); /* on the same thread */
int store_grow_map(struct store *store);

/* The environment in store->directory; on failure store->env is NULL. */
int env_open(struct store *store);
/* Under the registry's lock: LMDB wants its handles opened by one transaction at a time. */
enum err env_open_databases(struct store *store, const char *const *names, size_t count,
			    struct why *why);
int env_reopen_databases(
	struct store *store); /* in a new environment; under map_lock, for writing */
int env_find_database(const struct store *store, const char *name); /* -1: none */

/* Before the environment is opened, and after it is closed. *ret is the descriptor to keep. E_BLOCKED: see store_open_with(). */
enum err guard_take(const char *directory, bool is_exclusive, int *ret, struct why *why) MUST_USE;
void guard_give(int guard);

uint64_t usage_file_bytes(const struct store *store); /* under map_lock */
/* Of all pages up to the last that a committed transaction took; 0: unknown. */
uint64_t usage_used_bytes(MDB_txn *txn);

/* On the writer's thread, between commits. E_IO: the store cannot go on. Anything else that fails leaves it as it was. */
enum err compact_if_due(struct store *store) MUST_USE;
void compact_remove_stale(const char *directory); /* of a process that died at it */

/* ---- jobs and their way back ---- */

struct inbox;

struct job {
	enum err (*run)(void *owner, struct store_txn *txn);
	struct inbox *inbox; /* of the loop that waits; NULL: nobody does */
	void (*done)(void *owner, enum err err);
	void *owner;
	enum err err;
	struct job *next;
};

struct jobs { /* a queue */
	struct job *first, **end;
};
void jobs_init(struct jobs *jobs);
void jobs_add(struct jobs *jobs, struct job *job);
struct job *jobs_take_first(struct jobs *jobs); /* NULL when empty */

struct inbox *inbox_expect(struct loop *loop); /* one more job will come */
void inbox_put(struct job *job);	       /* takes it; from any thread */

struct writer *writer_start(struct store *store);
void writer_stop(struct writer **writer); /* after the jobs that wait */
void writer_queue(struct writer *writer, enum err (*job)(void *owner, struct store_txn *txn),
		  struct loop *loop, void (*done)(void *owner, enum err err), void *owner);

#endif
