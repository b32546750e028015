/* The thread that writes: takes the jobs that wait, runs them in one transaction, commits once, tells every waiter.
 *
 *   queue -> group -> [ begin, each job in a nested transaction, commit ] -> inbox of each waiter's loop
 *
 * A nested transaction costs about a microsecond (measured: 8.4 us against 7.2 us a job, 1,000 jobs a commit), so every job has
 * one and a failing job needs no second run of the others. Only want of room makes a group run again: of map, then on a larger one;
 * of disk, then in smaller groups, so that E_FULL reaches those jobs only that do not fit.
 * After a commit that failed for anything but want of space the writer has failed for good: see store.h. */
#include <errno.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/trial.h"
#include "lib/store/env.h"

/* They bound the pages that one transaction holds in memory, and how long the first waiter waits for the last. A single job may
 * pass them. LMDB allows nested transactions 131,071 dirty pages in all; a write touches about five. */
#define GROUP_JOBS_MAX	 1000
#define GROUP_WRITES_MAX 16384
#define GROUP_BYTES_MAX	 ((size_t)64 << 20)

struct writer {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* over the next three */
	pthread_cond_t changed;
	struct jobs waiting;
	bool is_stopping;
	/* the thread's own */
	size_t jobs_max; /* of a group; less than the usual while room is short */
	bool has_failed;
};

/* ---- one group, one commit ---- */

struct group {
	MDB_txn *mdb;
	struct job *first, *end; /* those from `first` up to `end` are in it; `end` is not */
	size_t jobs_max;
	size_t job_count, write_count, write_bytes;
};

static bool has_room(const struct group *group)
{
	return group->job_count < group->jobs_max && group->write_count < GROUP_WRITES_MAX &&
	       group->write_bytes < GROUP_BYTES_MAX;
}

/* The job's own failure goes to the job; what is returned fails the group. */
static int run_job(struct group *group, struct store_txn *txn, struct job *job)
{
	job->err = job->run(job->owner, txn);
	if (!job->err)
		job->err = txn->failure; /* LMDB would refuse to commit it, and the group with it */
	group->job_count++;
	group->write_count += txn->write_count;
	group->write_bytes += txn->write_bytes;
	return txn->shortage;
}

static int run_nested(struct store *store, struct group *group, struct job *job)
{
	struct store_txn txn = {.store = store};
	int rc = mdb_txn_begin(store->env, group->mdb, 0, &txn.mdb);
	if (rc)
		return rc;
	rc = run_job(group, &txn, job);
	if (!rc && !job->err)
		return mdb_txn_commit(txn.mdb);
	mdb_txn_abort(txn.mdb);
	return rc;
}

static int commit(MDB_txn *mdb)
{
	CRASH_POINT("store-before-commit");
	errno = 0;
	int rc = store_write_rc(mdb_txn_commit(mdb));
	if (!rc)
		CRASH_POINT("store-committed");
	return rc;
}

/* One job alone needs no transaction of its own: when it fails, so does the group. */
static int run_alone(struct store *store, struct group *group)
{
	struct store_txn txn = {.mdb = group->mdb, .store = store};
	int rc = run_job(group, &txn, group->first);
	group->end = group->first->next;
	if (!rc && !group->first->err)
		return commit(group->mdb);
	mdb_txn_abort(group->mdb);
	return rc;
}

static int run_together(struct store *store, struct group *group)
{
	int rc = 0;
	struct job *job = group->first;
	for (; job && !rc && has_room(group); job = job->next)
		rc = run_nested(store, group, job);
	group->end = job;
	if (!rc)
		return commit(group->mdb);
	mdb_txn_abort(group->mdb);
	return rc;
}

static int run_group(struct store *store, struct group *group)
{
	group->job_count = group->write_count = group->write_bytes = 0;
	group->end = NULL; /* when it cannot even begin, it fails for all */
	int rc = store_begin(store, 0, &group->mdb);
	if (rc)
		return rc;
	bool is_alone = !group->first->next || group->jobs_max == 1;
	rc = is_alone ? run_alone(store, group) : run_together(store, group);
	store_end(store);
	return rc;
}

/* Whether it may come through when it runs again: on a larger map; or as a smaller group, because LMDB has a limit to the pages
 * that nested transactions touch, and on a full disk some jobs fit, above all those that take out. */
static bool has_found_room(struct store *store, struct group *group, int rc)
{
	if (rc == MDB_MAP_FULL)
		return store_grow_map(store) == MDB_SUCCESS;
	if (store_fail(NULL, rc, "write") != E_FULL || group->job_count < 2)
		return false;
	group->jobs_max = group->job_count / 2;
	return true;
}

/* Leaves the outcome in each job up to the one that is returned, which is for the next group. */
static struct job *write_group(struct writer *writer, struct job *first)
{
	struct group group = {.first = first, .jobs_max = writer->jobs_max};
	int rc = MDB_PANIC;
	if (!writer->has_failed) {
		do
			rc = run_group(writer->store, &group);
		while (has_found_room(writer->store, &group, rc));
	}
	/* A large group that failed for want of room is not tried at once again. */
	writer->jobs_max = rc ? group.jobs_max : group.jobs_max * 2;
	if (writer->jobs_max > GROUP_JOBS_MAX)
		writer->jobs_max = GROUP_JOBS_MAX;
	if (!rc)
		return group.end;
	enum err err = store_fail(NULL, rc, "write");
	if (err != E_FULL)
		writer->has_failed = true;
	for (struct job *job = first; job != group.end; job = job->next)
		job->err = err;
	return group.end;
}

/* ---- the thread ---- */

/* Waits for jobs and moves them to *ret; false when the writer stops and none is left. */
static bool take_jobs(struct writer *writer, struct jobs *ret)
{
	jobs_init(ret);
	pthread_mutex_lock(&writer->lock);
	while (!writer->waiting.first && !writer->is_stopping)
		pthread_cond_wait(&writer->changed, &writer->lock);
	if (writer->waiting.first) {
		*ret = writer->waiting;
		jobs_init(&writer->waiting);
	}
	pthread_mutex_unlock(&writer->lock);
	return ret->first;
}

static void *writer_main(void *owner)
{
	struct writer *writer = owner;
	struct jobs jobs;
	while (take_jobs(writer, &jobs))
		while (jobs.first) {
			const struct job *end = write_group(writer, jobs.first);
			while (jobs.first != end)
				inbox_put(jobs_take_first(&jobs));
			if (!writer->has_failed && compact_if_due(writer->store))
				writer->has_failed = true;
		}
	return NULL;
}

struct writer *writer_start(struct store *store)
{
	struct writer *writer = memory_new(sizeof *writer);
	writer->store = store;
	writer->jobs_max = GROUP_JOBS_MAX;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->changed, NULL);
	jobs_init(&writer->waiting);
	if (pthread_create(&writer->thread, NULL, writer_main, writer))
		abort(); /* as little as out of memory can this be lived with */
	return writer;
}

void writer_stop(struct writer **writer)
{
	struct writer *stopping = *writer;
	*writer = NULL;
	pthread_mutex_lock(&stopping->lock);
	stopping->is_stopping = true;
	pthread_cond_signal(&stopping->changed);
	pthread_mutex_unlock(&stopping->lock);
	pthread_join(stopping->thread, NULL);
	pthread_cond_destroy(&stopping->changed);
	pthread_mutex_destroy(&stopping->lock);
	free(stopping);
}

void writer_queue(struct writer *writer, enum err (*run)(void *owner, struct store_txn *txn),
		  struct loop *loop, void (*done)(void *owner, enum err err), void *owner)
{
	struct job *job = memory_new(sizeof *job);
	job->run = run;
	job->inbox = done ? inbox_expect(loop) : NULL;
	job->done = done;
	job->owner = owner;
	pthread_mutex_lock(&writer->lock);
	jobs_add(&writer->waiting, job);
	pthread_cond_signal(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
}
