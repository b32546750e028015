/* Where a loop finds the jobs that are done. One inbox per loop in the process, for all stores, and kept for ever: a post that is
 * still on its way when store or owner is gone then finds an empty inbox instead of freed memory. A loop's later namesake at the
 * same address takes the inbox over. */
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/store/env.h"

struct inbox {
	struct loop *loop;
	pthread_mutex_t lock; /* over the next three */
	pthread_cond_t came;
	struct jobs finished;
	size_t finished_count, expected_count; /* expected: not told yet, finished or not */
	struct inbox *next;
};

static pthread_mutex_t inboxes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct inbox *inboxes;

void jobs_init(struct jobs *jobs)
{
	jobs->first = NULL;
	jobs->end = &jobs->first;
}

void jobs_add(struct jobs *jobs, struct job *job)
{
	job->next = NULL;
	*jobs->end = job;
	jobs->end = &job->next;
}

struct job *jobs_take_first(struct jobs *jobs)
{
	struct job *job = jobs->first;
	if (!job)
		return NULL;
	jobs->first = job->next;
	if (!jobs->first)
		jobs->end = &jobs->first;
	return job;
}

static struct inbox *inbox_of(struct loop *loop)
{
	pthread_mutex_lock(&inboxes_lock);
	struct inbox *inbox = inboxes;
	while (inbox && inbox->loop != loop)
		inbox = inbox->next;
	if (!inbox) {
		inbox = memory_new(sizeof *inbox);
		inbox->loop = loop;
		pthread_mutex_init(&inbox->lock, NULL);
		pthread_cond_init(&inbox->came, NULL);
		jobs_init(&inbox->finished);
		inbox->next = inboxes;
		inboxes = inbox;
	}
	pthread_mutex_unlock(&inboxes_lock);
	return inbox;
}

struct inbox *inbox_expect(struct loop *loop)
{
	struct inbox *inbox = inbox_of(loop);
	pthread_mutex_lock(&inbox->lock);
	inbox->expected_count++;
	pthread_mutex_unlock(&inbox->lock);
	return inbox;
}

static struct job *take(struct inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	struct job *job = jobs_take_first(&inbox->finished);
	if (job) {
		inbox->finished_count--;
		inbox->expected_count--;
	}
	pthread_mutex_unlock(&inbox->lock);
	return job;
}

/* One by one, because a `done` may drain. */
static void tell(void *owner)
{
	struct inbox *inbox = owner;
	struct job *job;
	while ((job = take(inbox))) {
		job->done(job->owner, job->err);
		free(job);
	}
}

void inbox_put(struct job *job)
{
	struct inbox *inbox = job->inbox;
	if (!inbox) {
		free(job);
		return;
	}
	pthread_mutex_lock(&inbox->lock);
	bool was_empty = !inbox->finished.first;
	jobs_add(&inbox->finished, job);
	inbox->finished_count++;
	if (was_empty)
		loop_post(inbox->loop, tell,
			  inbox); /* within the lock: once drained, the loop may go */
	pthread_cond_signal(&inbox->came);
	pthread_mutex_unlock(&inbox->lock);
}

static void wait_for_all(struct inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	while (inbox->finished_count < inbox->expected_count)
		pthread_cond_wait(&inbox->came, &inbox->lock);
	pthread_mutex_unlock(&inbox->lock);
}

void store_drain(struct loop *loop)
{
	struct inbox *inbox = inbox_of(loop);
	wait_for_all(inbox);
	tell(inbox);
}
