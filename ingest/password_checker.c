/* Two lists under one lock: what waits for the thread, and what it has done. An eventfd wakes the loop. */
#include "ingest/password_checker.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/crypto/password.h"

struct password_check {
	char *hash;
	uint8_t *password;
	size_t password_len;
	bool matches;
	password_checked done; /* the loop's; NULL: nobody waits */
	void *owner;
	struct password_check *next;
};

struct list {
	struct password_check *first, **end;
};

struct password_checker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list waiting, finished; /* under the lock */
	size_t waiting_count;
	bool is_stopping;
	int event_fd;
	struct watch *watch;
};

static void list_init(struct list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct list *list, struct password_check *check)
{
	check->next = NULL;
	*list->end = check;
	list->end = &check->next;
}

static struct password_check *list_take(struct list *list)
{
	struct password_check *check = list->first;
	if (!check)
		return NULL;
	list->first = check->next;
	if (!list->first)
		list->end = &list->first;
	return check;
}

static void check_free(struct password_check *check)
{
	explicit_bzero(check->password, check->password_len);
	free(check->password);
	free(check->hash);
	free(check);
}

/* ---- the thread ---- */

static struct password_check *wait_for_one(struct password_checker *checker)
{
	pthread_mutex_lock(&checker->lock);
	while (!checker->waiting.first && !checker->is_stopping)
		pthread_cond_wait(&checker->changed, &checker->lock);
	struct password_check *check = NULL;
	if (!checker->is_stopping) {
		check = list_take(&checker->waiting);
		checker->waiting_count--;
	}
	pthread_mutex_unlock(&checker->lock);
	return check;
}

static void *checker_main(void *owner)
{
	struct password_checker *checker = owner;
	struct password_check *check = NULL;
	while ((check = wait_for_one(checker))) {
		check->matches = password_matches(check->hash,
						  bytes_from(check->password, check->password_len));
		pthread_mutex_lock(&checker->lock);
		list_add(&checker->finished, check);
		pthread_mutex_unlock(&checker->lock);
		(void)eventfd_write(checker->event_fd, 1);
	}
	return NULL;
}

/* ---- the loop ---- */

static void on_finished(void *owner, bool can_read, bool can_write)
{
	(void)can_read, (void)can_write;
	struct password_checker *checker = owner;
	eventfd_t count = 0;
	struct list finished;
	(void)eventfd_read(checker->event_fd, &count);
	list_init(&finished);
	pthread_mutex_lock(&checker->lock);
	for (struct password_check *check; (check = list_take(&checker->finished));)
		list_add(&finished, check);
	pthread_mutex_unlock(&checker->lock);
	for (struct password_check *check; (check = list_take(&finished));) {
		if (check->done)
			check->done(check->owner, check->matches);
		check_free(check);
	}
}

struct password_checker *password_checker_new(struct loop *loop)
{
	struct password_checker *checker = memory_new(sizeof *checker);
	list_init(&checker->waiting);
	list_init(&checker->finished);
	pthread_mutex_init(&checker->lock, NULL);
	pthread_cond_init(&checker->changed, NULL);
	checker->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (checker->event_fd < 0 ||
	    pthread_create(&checker->thread, NULL, checker_main, checker) != 0)
		abort();
	checker->watch = watch_new(loop, checker->event_fd, on_finished, checker);
	watch_want(checker->watch, true, false);
	return checker;
}

void password_checker_free(struct password_checker **checker)
{
	struct password_checker *c = *checker;
	if (!c)
		return;
	*checker = NULL;
	pthread_mutex_lock(&c->lock);
	c->is_stopping = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL); /* at the longest one hash */
	for (struct password_check *check; (check = list_take(&c->waiting));)
		check_free(check);
	for (struct password_check *check; (check = list_take(&c->finished));)
		check_free(check);
	watch_free(&c->watch);
	(void)close(c->event_fd);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

enum err password_check_start(struct password_checker *checker, const char *hash,
			      struct bytes password, password_checked done, void *owner,
			      struct password_check **ret)
{
	pthread_mutex_lock(&checker->lock);
	bool is_full = checker->waiting_count >= PASSWORD_CHECKS_MAX;
	pthread_mutex_unlock(&checker->lock);
	if (is_full)
		return E_FULL;
	struct password_check *check = memory_new(sizeof *check);
	check->hash = memory_text(hash);
	check->password = memory_new(password.len);
	if (password.len > 0)
		memcpy(check->password, password.data, password.len);
	check->password_len = password.len;
	check->done = done;
	check->owner = owner;
	pthread_mutex_lock(&checker->lock);
	list_add(&checker->waiting, check);
	checker->waiting_count++;
	pthread_cond_signal(&checker->changed);
	pthread_mutex_unlock(&checker->lock);
	*ret = check;
	return OK;
}

void password_check_forget(struct password_check **check)
{
	if (*check)
		(*check)->done = NULL;
	*check = NULL;
}
