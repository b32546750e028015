/* Kill -9 while writing: a child writes to a store and tells its parent, over a pipe, of each write it was told is kept. The
 * parent kills it at a random instant and opens the store: everything told is there. Twenty times on one store. */
#include "tests/store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/random.h"

#define ROUNDS	  20
#define IN_FLIGHT 50

static const char *const databases[] = {"kept"};

struct child {
	struct store *store;
	struct loop *loop;
	int pipe;
	uint64_t next;
};

struct kept {
	struct child *child;
	uint64_t number;
};

static enum err keep_run(void *owner, struct store_txn *txn)
{
	struct kept *kept = owner;
	return store_put(txn, 0, bytes_from(&kept->number, sizeof kept->number), BYTES("kept"));
}

static void keep_next(struct kept *kept);

static void keep_done(void *owner, enum err err)
{
	struct kept *kept = owner;
	if (err || write(kept->child->pipe, &kept->number, sizeof kept->number) < 0)
		_exit(1);
	keep_next(kept);
}

static void keep_next(struct kept *kept)
{
	kept->number = kept->child->next++;
	store_write(kept->child->store, keep_run, kept->child->loop, keep_done, kept);
}

_Noreturn static void be_child(const char *directory, int pipe, uint64_t first)
{
	struct child child = {.pipe = pipe, .next = first, .loop = loop_new()};
	if (store_open(directory, databases, 1, &child.store, NULL))
		_exit(1);
	struct kept kept[IN_FLIGHT];
	for (size_t i = 0; i < IN_FLIGHT; i++) {
		kept[i].child = &child;
		keep_next(&kept[i]);
	}
	loop_run(child.loop);
	_exit(1);
}

static size_t count_told(int pipe, bool *told, uint64_t max)
{
	uint64_t number;
	size_t count = 0;
	while (read(pipe, &number, sizeof number) == sizeof number) {
		assert_true(number < max);
		told[number] = true;
		count++;
	}
	return count;
}

static void assert_all_kept(const char *directory, const bool *told, uint64_t max)
{
	struct store *store;
	assert_int_equal(store_open(directory, databases, 1, &store, NULL), OK);
	struct store_txn *txn = store_read_begin(store);
	for (uint64_t number = 0; number < max; number++) {
		struct bytes value;
		if (told[number])
			assert_int_equal(
				store_get(txn, 0, bytes_from(&number, sizeof number), &value), OK);
	}
	store_read_end(&txn);
	store_close(&store);
}

static void test_what_was_acknowledged_survives_kill_9(void **state)
{
	(void)state;
	char directory[DIRECTORY_SIZE];
	directory_make(directory);
	const uint64_t max = 1 << 22;
	bool *told = calloc(max, 1);
	size_t told_count = 0;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		int fds[2];
		assert_int_equal(pipe(fds), 0);
		pid_t child = fork();
		if (child == 0) {
			close(fds[0]);
			be_child(directory, fds[1], round * (max / ROUNDS));
		}
		close(fds[1]);
		/* an instant within the work, opening included */
		struct timespec wait = {.tv_nsec = (long)(random_u64() % 150) * 1000000};
		nanosleep(&wait, NULL);
		kill(child, SIGKILL);
		told_count += count_told(fds[0], told, max);
		close(fds[0]);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_all_kept(directory, told, max);
	}
	print_message("%zu acknowledged over %d kills, none missing\n", told_count, ROUNDS);
	assert_true(told_count > 0);
	free(told);
	directory_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_acknowledged_survives_kill_9),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
