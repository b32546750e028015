/* What the files of lib/store share: the environment, a transaction in it, and the writer thread. Not for others. */
#ifndef LEVERET_LIB_STORE_ENV_H
#define LEVERET_LIB_STORE_ENV_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "lib/store/store.h"

#define STORE_DATABASES_MAX	32
#define STORE_DATABASE_NAME_MAX 64

struct writer;

struct database {
	char name[STORE_DATABASE_NAME_MAX];
	MDB_dbi dbi;
};

struct store {
	MDB_env *env;
	/* Every transaction of this process holds it for reading: LMDB forbids changing the map while there is one. */
	pthread_rwlock_t map_lock;
	struct database databases[STORE_DATABASES_MAX]; /* grows at its end only */
	atomic_size_t database_count;
	struct writer *writer;
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
	bool is_map_full; /* for want of map: grow it and begin again */
};

/* rc of LMDB or errno as ours; why may be NULL. */
enum err store_fail(struct why *why, int rc, const char *doing);

/* Begin a top-level transaction, following a map that another process has grown. Takes map_lock for reading when it succeeds;
 * whoever ends the transaction gives it back. */
int store_begin(struct store *store, unsigned flags, MDB_txn **ret);
int store_grow_map(struct store *store);

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
