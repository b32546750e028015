/* A store that has its directory to itself gives space back, and whoever dies on the way loses nothing. */
#include "tests/store_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/trial.h"

#ifdef LEVERET_TRIALS
static const bool has_trials = true;
#else
static const bool has_trials = false;
#endif

#define VALUE_BYTES 100000
#define VALUES	    40	      /* four million bytes */
#define LARGE_BYTES (1 << 20) /* only what is larger is compacted */

static const char *const databases[] = {"one", "two", "empty"};

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	int one, two, empty;
	size_t map_bytes; /* 0: the usual */
};

static enum err try_to_open(struct fixture *f, bool is_exclusive)
{
	struct store_options options = {.is_exclusive = is_exclusive,
					.compact_file_bytes = LARGE_BYTES,
					.compact_used_bytes = LARGE_BYTES,
					.compact_retry_ms = 50,
					.map_bytes = f->map_bytes};
	return store_open_with(f->directory, databases, 3, options, &f->store, NULL);
}

static void open_store(struct fixture *f)
{
	assert_int_equal(try_to_open(f, true), OK);
	f->one = store_database(f->store, "one");
	f->two = store_database(f->store, "two");
	f->empty = store_database(f->store, "empty");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	open_store(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	store_close(&f->store);
	loop_free(&f->loop);
	directory_remove(f->directory);
	free(f);
	return 0;
}

/* What stays, and much that goes: a compaction is due, and under way or done when this returns. */
static void fill_and_empty(struct fixture *f)
{
	assert_int_equal(put_many(f->store, f->loop, f->one, "stays", 20, 300), 20);
	assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
	assert_int_equal(put_many(f->store, f->loop, f->one, "goes", VALUES, VALUE_BYTES), VALUES);
	assert_in_range(store_usage(f->store).used_bytes, VALUES * VALUE_BYTES, 8 << 20);
	assert_int_equal(put_many(f->store, f->loop, f->one, "goes", VALUES, 0), VALUES);
}

static void holds_what_stays(struct fixture *f)
{
	char value[301] = {0};
	memset(value, 'v', 300);
	struct store_txn *txn = store_read_begin(f->store);
	assert_int_equal(store_count(txn, f->one), 20);
	assert_int_equal(store_count(txn, f->empty), 0);
	store_read_end(&txn);
	for (int i = 0; i < 20; i++) {
		char key[32];
		snprintf(key, sizeof key, "stays%d", i);
		assert_true(store_holds(f->store, f->one, key, value));
	}
	assert_true(store_holds(f->store, f->two, "k", "v"));
}

/* Writes a little now and then, because a compaction comes after a commit. */
static void wait_until_small(struct fixture *f)
{
	for (int i = 0; i < 200 && store_usage(f->store).file_bytes > LARGE_BYTES; i++) {
		assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
		usleep(20000);
	}
	assert_in_range(store_usage(f->store).file_bytes, 1, LARGE_BYTES);
}

static bool has_file(struct fixture *f, const char *name)
{
	char path[DIRECTORY_SIZE + 32];
	snprintf(path, sizeof path, "%s/%s", f->directory, name);
	return access(path, F_OK) == 0;
}

static void test_space_is_given_back_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	fill_and_empty(f);
	wait_until_small(f);
	holds_what_stays(f);
	assert_false(has_file(f, "data.mdb.compact"));
	store_close(&f->store);
	open_store(f);
	holds_what_stays(f);
	assert_in_range(store_usage(f->store).file_bytes, 1, LARGE_BYTES);
}

static void test_a_compacted_store_grows_and_is_compacted_again(void **state)
{
	struct fixture *f = *state;
	store_close(&f->store);
	f->map_bytes = 1 << 20;
	open_store(f);
	for (int i = 0; i < 5; i++) {
		fill_and_empty(f);
		wait_until_small(f);
		assert_int_equal(put_one(f->store, f->loop, f->empty, "k", "v"), OK);
		assert_int_equal(put_one(f->store, f->loop, f->empty, "k", NULL), OK);
	}
	holds_what_stays(f);
}

static void test_a_shared_store_keeps_its_file(void **state)
{
	struct fixture *f = *state;
	store_close(&f->store);
	assert_int_equal(try_to_open(f, false), OK);
	fill_and_empty(f);
	assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
	assert_in_range(store_usage(f->store).file_bytes, VALUES * VALUE_BYTES, 8 << 20);
	assert_in_range(store_usage(f->store).used_bytes, 1, LARGE_BYTES);
}

static void test_a_file_well_in_use_is_left_alone(void **state)
{
	struct fixture *f = *state;
	fill_and_empty(f);
	wait_until_small(f);
	assert_int_equal(put_many(f->store, f->loop, f->one, "goes", VALUES, VALUE_BYTES), VALUES);
	uint64_t before = store_usage(f->store).file_bytes;
	assert_int_equal(put_many(f->store, f->loop, f->one, "goes", VALUES / 2, 0), VALUES / 2);
	assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
	store_close(&f->store);
	open_store(f);
	assert_in_range(store_usage(f->store).file_bytes, before, 8 << 20);
}

/* ---- readers meanwhile ---- */

static void test_a_snapshot_holds_the_exchange_up_but_not_the_jobs(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_one(f->store, f->loop, f->two, "old", "v"), OK);
	struct store_txn *txn = store_read_begin(f->store);
	fill_and_empty(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put_one(f->store, f->loop, f->two, "new", "v"), OK);
	assert_in_range(store_usage(f->store).file_bytes, VALUES * VALUE_BYTES, 8 << 20);
	struct bytes value;
	assert_int_equal(store_get(txn, f->two, BYTES("old"), &value), OK);
	assert_int_equal(store_get(txn, f->two, BYTES("new"), &value), E_NOT_FOUND);
	store_read_end(&txn);
	wait_until_small(f);
	holds_what_stays(f);
	assert_true(store_holds(f->store, f->two, "new", "v"));
}

struct reader {
	struct fixture *f;
	pthread_t thread;
	atomic_bool *is_over;
	size_t looks, faults;
};

/* "k" is there at every instant, whatever else comes and goes. */
static void *read_on_and_on(void *owner)
{
	struct reader *reader = owner;
	while (!atomic_load(reader->is_over)) {
		reader->faults += !store_holds(reader->f->store, reader->f->two, "k", "v");
		reader->looks++;
		usleep(100);
	}
	return NULL;
}

static void test_readers_on_other_threads_notice_nothing(void **state)
{
	struct fixture *f = *state;
	atomic_bool is_over = false;
	struct reader readers[3];
	store_close(&f->store);
	f->map_bytes = 1 << 20;
	open_store(f);
	assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
	for (size_t i = 0; i < 3; i++) {
		readers[i] = (struct reader){.f = f, .is_over = &is_over};
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, read_on_and_on, &readers[i]), 0);
	}
	for (int i = 0; i < 5; i++) {
		fill_and_empty(f);
		wait_until_small(f);
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].faults, 0);
		assert_in_range(readers[i].looks, 1, SIZE_MAX);
	}
	holds_what_stays(f);
}

/* Databases opened while compactions go on are there afterwards. */
static void test_databases_may_be_opened_meanwhile(void **state)
{
	struct fixture *f = *state;
	char names[10][16];
	for (int i = 0; i < 10; i++) {
		fill_and_empty(f);
		snprintf(names[i], sizeof names[i], "late%d", i);
		const char *late[] = {names[i]};
		struct store *again;
		assert_int_equal(store_open(f->directory, late, 1, &again, NULL), OK);
		assert_int_equal(put_one(again, f->loop, store_database(again, names[i]), "k", "v"),
				 OK);
		store_close(&again);
	}
	wait_until_small(f);
	for (int i = 0; i < 10; i++)
		assert_true(store_holds(f->store, store_database(f->store, names[i]), "k", "v"));
}

/* ---- alone ---- */

/* What another process is told. */
static enum err opening_elsewhere(struct fixture *f, bool is_exclusive)
{
	pid_t child = fork();
	if (child == 0) {
		char program[] = "/proc/self/exe";
		char *const arguments[] = {program, is_exclusive ? "alone" : "shared", f->directory,
					   NULL};
		(void)execv(program, arguments);
		_exit(ERR_COUNT);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (enum err)WEXITSTATUS(status);
}

static int open_elsewhere(const char *how, const char *directory)
{
	struct fixture f = {0};
	snprintf(f.directory, sizeof f.directory, "%s", directory);
	enum err err = try_to_open(&f, strcmp(how, "alone") == 0);
	store_close(&f.store);
	return (int)err;
}

static void test_whoever_is_alone_stays_alone(void **state)
{
	struct fixture *f = *state;
	struct store *again;
	assert_int_equal(opening_elsewhere(f, true), E_BLOCKED);
	assert_int_equal(opening_elsewhere(f, false), E_BLOCKED);
	assert_int_equal(store_open(f->directory, databases, 2, &again, NULL), OK);
	store_close(&again);
	assert_int_equal(opening_elsewhere(f, false), E_BLOCKED);
	store_close(&f->store);

	assert_int_equal(try_to_open(f, false), OK);
	assert_int_equal(opening_elsewhere(f, true), E_BLOCKED);
	assert_int_equal(opening_elsewhere(f, false), OK);
	struct store_options options = {.is_exclusive = true};
	assert_int_equal(store_open_with(f->directory, databases, 2, options, &again, NULL),
			 E_BLOCKED);
	store_close(&f->store);
	assert_int_equal(opening_elsewhere(f, true), OK);
	open_store(f);
}

/* ---- dying on the way ---- */

static void die_at(struct fixture *f, const char *point)
{
	store_close(&f->store);
	pid_t child = fork();
	if (child == 0) {
		setenv("LEVERET_CRASH", point, 1);
		f->loop = loop_new();
		open_store(f);
		fill_and_empty(f);
		wait_until_small(f);
		holds_what_stays(f);
		store_close(&f->store);
		loop_free(&f->loop);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (has_trials)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	else
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	open_store(f);
}

static void test_dying_at_any_step_loses_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *point;
		bool is_old_file;
	} cases[] = {
		{"store-compact-begun", true},	 {"store-compact-copied", true},
		{"store-compact-synced", true},	 {"store-compact-renamed", false},
		{"store-compact-opened", false}, {"store-compact-done", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		die_at(f, cases[i].point);
		if (has_trials)
			assert_int_equal(store_usage(f->store).file_bytes > LARGE_BYTES,
					 cases[i].is_old_file);
		assert_false(has_file(f, "data.mdb.compact"));
		/* it may have died before the last of them was gone */
		assert_int_equal(put_many(f->store, f->loop, f->one, "goes", VALUES, 0), VALUES);
		holds_what_stays(f);
		wait_until_small(f);
		holds_what_stays(f);
	}
}

int main(int count, char **arguments)
{
	if (count == 3)
		return open_elsewhere(arguments[1], arguments[2]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_space_is_given_back_and_nothing_else),
		TEST(test_a_compacted_store_grows_and_is_compacted_again),
		TEST(test_a_shared_store_keeps_its_file),
		TEST(test_a_file_well_in_use_is_left_alone),
		TEST(test_a_snapshot_holds_the_exchange_up_but_not_the_jobs),
		TEST(test_readers_on_other_threads_notice_nothing),
		TEST(test_databases_may_be_opened_meanwhile),
		TEST(test_whoever_is_alone_stays_alone),
		TEST(test_dying_at_any_step_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
