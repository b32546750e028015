/* Each thread has one check at a time; what waits for a thread stands in the queue. */
#include "ingest/password_checker.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/password_queue.h"
#include "lib/base/memory.h"
#include "lib/crypto/password.h"
#include "lib/loop/offload.h"

struct checker_thread {
	struct password_checker *checker;
	struct offload *offload;
	bool is_busy;
};

struct password_check {
	struct checker_thread *thread; /* NULL: it waits for one */
	struct work work;
	struct password_turn turn;
	char *hash;
	uint8_t *password;
	size_t password_len;
	bool matches;
	password_checked done; /* NULL: nobody waits */
	void *owner;
};

struct password_checker {
	struct password_queue *queue;
	struct checker_thread *threads;
	size_t thread_count;
	bool is_ending;
};

static void check_free(struct password_check *check)
{
	explicit_bzero(check->password, check->password_len);
	free(check->password);
	free(check->hash);
	free(check);
}

static void tell(struct password_check *check, enum password_verdict verdict)
{
	if (check->done)
		check->done(check->owner, verdict);
	check_free(check);
}

/* ---- on a thread ---- */

static void run(void *owner)
{
	struct password_check *check = owner;
	check->matches =
		password_matches(check->hash, bytes_from(check->password, check->password_len));
}

/* ---- on the loop ---- */

static void start(struct checker_thread *thread, struct password_check *check)
{
	thread->is_busy = true;
	check->thread = thread;
	offload_ask(thread->offload, &check->work);
}

static void on_done(void *owner)
{
	struct password_check *check = owner;
	struct checker_thread *thread = check->thread;
	struct password_checker *checker = thread->checker;
	thread->is_busy = false;
	if (checker->is_ending) {
		check_free(check);
		return;
	}
	struct password_turn *next = password_queue_take(checker->queue);
	if (next)
		start(thread, next->owner);
	tell(check, check->matches ? PASSWORD_RIGHT : PASSWORD_WRONG);
}

static struct checker_thread *find_idle(struct password_checker *checker)
{
	for (size_t i = 0; i < checker->thread_count; i++)
		if (!checker->threads[i].is_busy)
			return &checker->threads[i];
	return NULL;
}

static enum err wait_for_thread(struct password_checker *checker, struct password_check *check,
				const struct net_address *client)
{
	uint8_t network[NET_NETWORK_SIZE];
	struct bytes key = bytes_from(network, net_address_network(client, network));
	struct password_turn *dropped;
	if (!password_queue_add(checker->queue, key, &check->turn, &dropped))
		return E_FULL;
	if (dropped)
		tell(dropped->owner, PASSWORD_NOT_CHECKED);
	return OK;
}

static struct password_check *check_new(const struct password_question *question)
{
	struct password_check *check = memory_new(sizeof *check);
	check->work = (struct work){.run = run, .done = on_done, .owner = check};
	check->turn.owner = check;
	check->hash = memory_text(question->hash);
	check->password_len = question->password.len;
	check->password = memory_new(check->password_len);
	if (check->password_len > 0)
		memcpy(check->password, question->password.data, check->password_len);
	return check;
}

enum err password_check_start(struct password_checker *checker,
			      const struct password_question *question, password_checked done,
			      void *owner, struct password_check **ret)
{
	struct password_check *check = check_new(question);
	struct checker_thread *idle = find_idle(checker);
	check->done = done;
	check->owner = owner;
	if (idle)
		start(idle, check);
	else if (wait_for_thread(checker, check, question->client) != OK) {
		check_free(check);
		return E_FULL;
	}
	*ret = check;
	return OK;
}

void password_check_forget(struct password_check **check)
{
	if (*check)
		(*check)->done = NULL;
	*check = NULL;
}

/* ---- all of it ---- */

struct password_checker *password_checker_new(struct loop *loop, size_t thread_count)
{
	struct password_checker *checker = memory_new(sizeof *checker);
	checker->queue = password_queue_new();
	checker->threads = memory_array(thread_count, sizeof *checker->threads);
	checker->thread_count = thread_count;
	for (size_t i = 0; i < thread_count; i++)
		checker->threads[i] = (struct checker_thread){checker, offload_new(loop, 1), false};
	return checker;
}

void password_checker_free(struct password_checker **checker)
{
	struct password_checker *c = *checker;
	struct password_turn *turn;
	if (!c)
		return;
	*checker = NULL;
	c->is_ending = true;
	while ((turn = password_queue_take(c->queue)))
		check_free(turn->owner);
	for (size_t i = 0; i < c->thread_count; i++)
		offload_free(&c->threads[i].offload); /* waits for one hash at the longest */
	password_queue_free(&c->queue);
	free(c->threads);
	free(c);
}
