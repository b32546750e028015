/* The store's promises on a real environment in a temporary directory: what was told to be written is there for every reader and
 * after reopening, a failing job harms itself only, and the map grows under everybody's feet. */
#include "tests/store_fixture.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const databases[] = {"one", "two"};

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	int one, two;
};

static void open_store(struct fixture *f, size_t map_bytes)
{
	assert_int_equal(store_open_with(f->directory, databases, 2,
					 (struct store_options){.map_bytes = map_bytes}, &f->store,
					 NULL),
			 OK);
	f->one = store_database(f->store, "one");
	f->two = store_database(f->store, "two");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	open_store(f, (size_t)1 << 30);
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

static void test_what_was_written_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", "v"), OK);
	assert_true(store_holds(f->store, f->one, "k", "v"));
	assert_false(store_holds(f->store, f->two, "k", "v"));
	store_close(&f->store);
	open_store(f, (size_t)1 << 30);
	assert_true(store_holds(f->store, f->one, "k", "v"));
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", NULL), OK);
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", NULL), OK);
	assert_false(store_holds(f->store, f->one, "k", "v"));
}

static void test_a_store_without_a_name_works_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct stat about;
	store_unname(f->store);
	assert_int_equal(stat(f->directory, &about), -1);
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", "v"), OK);
	assert_true(store_holds(f->store, f->one, "k", "v"));
}

static void test_a_failing_job_undoes_only_its_own_writes(void **state)
{
	struct fixture *f = *state;
	struct put puts[] = {
		{.database = f->one, .key = "before", .value = "v"},
		{.database = f->one, .key = "failing", .value = "v", .verdict = E_REFUSED},
		{.database = f->one, .key = "after", .value = "v"},
	};
	put_all(f->store, f->loop, puts, 3);
	assert_int_equal(puts[0].err, OK);
	assert_int_equal(puts[1].err, E_REFUSED);
	assert_int_equal(puts[2].err, OK);
	assert_true(store_holds(f->store, f->one, "before", "v"));
	assert_false(store_holds(f->store, f->one, "failing", "v"));
	assert_true(store_holds(f->store, f->one, "after", "v"));
}

static void test_keys_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;
	char fits[STORE_KEY_MAX + 1], too_long[STORE_KEY_MAX + 2];
	memset(fits, 'k', sizeof fits - 1);
	memset(too_long, 'k', sizeof too_long - 1);
	fits[sizeof fits - 1] = too_long[sizeof too_long - 1] = '\0';

	assert_int_equal(put_one(f->store, f->loop, f->one, fits, "v"), OK);
	assert_int_equal(put_one(f->store, f->loop, f->one, too_long, "v"), E_TOO_BIG);
	assert_int_equal(put_one(f->store, f->loop, f->one, "", "v"), E_MALFORMED);
	assert_true(store_holds(f->store, f->one, fits, "v"));
	assert_false(store_holds(f->store, f->one, too_long, "v"));
}

/* ---- group commit ---- */

struct gate { /* a job that holds the writer until the others are queued */
	pthread_mutex_t lock;
};

static enum err gate_run(void *owner, struct store_txn *txn)
{
	(void)txn;
	struct gate *gate = owner;
	pthread_mutex_lock(&gate->lock);
	pthread_mutex_unlock(&gate->lock);
	return OK;
}

/* Counts what it can see of the others' writes: those of the same transaction, in its order. */
static enum err count_run(void *owner, struct store_txn *txn)
{
	*(uint64_t *)owner = store_count(txn, 0);
	return OK;
}

static uint64_t last_commit(struct fixture *f)
{
	uint64_t count;
	struct store_txn *txn = store_read_begin(f->store);
	count = store_count(txn, f->one);
	store_read_end(&txn);
	return count;
}

static void test_jobs_that_wait_share_one_commit_in_order(void **state)
{
	struct fixture *f = *state;
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER};
	char keys[500][8];
	struct put puts[500] = {0};
	size_t left = 500;
	uint64_t seen_inside = 0;

	pthread_mutex_lock(&gate.lock);
	store_write(f->store, gate_run, NULL, NULL, &gate);
	for (size_t i = 0; i < 500; i++) {
		snprintf(keys[i], sizeof keys[i], "%zu", i);
		puts[i] = (struct put){.database = f->one,
				       .key = keys[i],
				       .value = "v",
				       .loop = f->loop,
				       .left = &left};
		store_write(f->store, put_run, f->loop, put_done, &puts[i]);
	}
	store_write(f->store, count_run, NULL, NULL, &seen_inside);
	assert_int_equal(last_commit(f), 0);
	pthread_mutex_unlock(&gate.lock);
	loop_run(f->loop);
	assert_int_equal(last_commit(f), 500);
	store_close(&f->store); /* the last job has run */
	assert_int_equal(seen_inside, 500);
	open_store(f, (size_t)1 << 30);
}

static void test_a_snapshot_does_not_see_later_writes(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", "old"), OK);
	struct store_txn *txn = store_read_begin(f->store);
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", "new"), OK);
	struct bytes value;
	assert_int_equal(store_get(txn, f->one, BYTES("k"), &value), OK);
	assert_true(bytes_is(value, "old"));
	store_read_end(&txn);
	assert_true(store_holds(f->store, f->one, "k", "new"));
}

static void test_closing_finishes_the_jobs_that_wait(void **state)
{
	struct fixture *f = *state;
	struct put put = {.database = f->one, .key = "last", .value = "v"};
	store_write(f->store, put_run, NULL, NULL, &put);
	store_close(&f->store);
	open_store(f, (size_t)1 << 30);
	assert_true(store_holds(f->store, f->one, "last", "v"));
}

static void test_draining_runs_what_is_owed_to_a_loop_that_does_not_run(void **state)
{
	struct fixture *f = *state;
	size_t left = 2;
	struct put put = {.database = f->one,
			  .key = "k",
			  .value = "v",
			  .loop = f->loop,
			  .left = &left,
			  .err = E_CANCELLED};
	store_write(f->store, put_run, f->loop, put_done, &put);
	store_drain(f->loop);
	assert_int_equal(left, 1);
	assert_int_equal(put.err, OK);
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", "w"), OK);
}

/* ---- walking ---- */

struct walk {
	char text[32];
	size_t max;
};

static bool note_key(void *owner, struct bytes key, struct bytes value)
{
	(void)value;
	struct walk *walk = owner;
	strncat(walk->text, (const char *)key.data, key.len);
	return strlen(walk->text) < walk->max;
}

static void test_walks_go_in_key_order_from_a_key_until_told_to_stop(void **state)
{
	struct fixture *f = *state;
	const char *const keys[] = {"c", "a", "d", "b"};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(put_one(f->store, f->loop, f->one, keys[i], "v"), OK);
	static const struct {
		const char *from;
		size_t max;
		const char *expected;
	} cases[] = {
		{"", 9, "abcd"}, {"b", 9, "bcd"}, {"bb", 9, "cd"}, {"", 2, "ab"}, {"e", 9, ""}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct walk walk = {.max = cases[i].max};
		struct store_txn *txn = store_read_begin(f->store);
		assert_int_equal(store_each(txn, f->one, bytes_of(cases[i].from), note_key, &walk),
				 OK);
		store_read_end(&txn);
		assert_string_equal(walk.text, cases[i].expected);
	}
}

static void test_the_last_key_is_found_at_once(void **state)
{
	struct fixture *f = *state;
	struct bytes key, value;
	struct store_txn *txn = store_read_begin(f->store);
	assert_int_equal(store_last(txn, f->one, &key, &value), E_NOT_FOUND);
	store_read_end(&txn);
	assert_int_equal(put_one(f->store, f->loop, f->one, "m", "2"), OK);
	assert_int_equal(put_one(f->store, f->loop, f->one, "z", "3"), OK);
	assert_int_equal(put_one(f->store, f->loop, f->one, "b", "1"), OK);
	txn = store_read_begin(f->store);
	assert_int_equal(store_last(txn, f->one, &key, &value), OK);
	assert_true(bytes_is(key, "z") && bytes_is(value, "3"));
	assert_int_equal(store_last(txn, f->two, &key, &value), E_NOT_FOUND);
	store_read_end(&txn);
}

static void test_usage_tells_what_deleting_has_freed(void **state)
{
	struct fixture *f = *state;
	static char value[1 << 20];
	memset(value, 'v', sizeof value - 1);
	struct store_usage empty = store_usage(f->store);
	assert_in_range(empty.used_bytes, 4 << 10, 64 << 10);
	assert_int_equal(put_one(f->store, f->loop, f->one, "large", value), OK);
	struct store_usage full = store_usage(f->store);
	assert_in_range(full.used_bytes - empty.used_bytes, 1 << 20, (1 << 20) + (32 << 10));
	assert_in_range(full.file_bytes, full.used_bytes, full.used_bytes + (256 << 10));
	assert_int_equal(put_one(f->store, f->loop, f->one, "large", NULL), OK);
	struct store_usage freed = store_usage(f->store);
	assert_in_range(freed.used_bytes, 4 << 10, 64 << 10);
	assert_in_range(freed.file_bytes, full.file_bytes, full.file_bytes + (64 << 10));
}

static enum err clear_run(void *owner, struct store_txn *txn)
{
	return store_clear(txn, *(int *)owner);
}

static void test_clearing_empties_one_database(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_one(f->store, f->loop, f->one, "k", "v"), OK);
	assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
	store_write(f->store, clear_run, NULL, NULL, &f->one);
	assert_int_equal(put_one(f->store, f->loop, f->two, "l", "v"), OK);
	assert_false(store_holds(f->store, f->one, "k", "v"));
	assert_true(store_holds(f->store, f->two, "k", "v"));
}

/* ---- the map ---- */

static void test_a_full_map_grows_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	store_close(&f->store);
	open_store(f, 128 << 10);
	static char value[2000];
	memset(value, 'v', sizeof value - 1);
	char keys[300][8];
	struct put puts[300] = {0};
	for (size_t i = 0; i < 300; i++) {
		snprintf(keys[i], sizeof keys[i], "%zu", i);
		puts[i] = (struct put){.database = f->one, .key = keys[i], .value = value};
	}
	put_all(f->store, f->loop, puts, 300);
	for (size_t i = 0; i < 300; i++) {
		assert_int_equal(puts[i].err, OK);
		assert_true(store_holds(f->store, f->one, keys[i], value));
	}
}

/* ---- sharing ---- */

static void test_one_directory_opened_twice_is_one_store(void **state)
{
	struct fixture *f = *state;
	static const char *const other[] = {"two", "three"};
	struct store *again;
	char with_slash[DIRECTORY_SIZE + 1];
	snprintf(with_slash, sizeof with_slash, "%s/", f->directory);
	assert_int_equal(store_open(with_slash, other, 2, &again, NULL), OK);
	assert_int_equal(store_database(again, "two"), f->two);
	int three = store_database(again, "three");
	assert_int_equal(put_one(again, f->loop, three, "k", "v"), OK);
	store_close(&again);
	assert_true(store_holds(f->store, three, "k", "v"));
}

/* Another process with a map of its own writes more than ours spans; then both go on. */
static void test_another_process_may_write_and_outgrow_our_map(void **state)
{
	struct fixture *f = *state;
	store_close(&f->store);
	pid_t child = fork();
	if (child == 0) {
		f->loop = loop_new();
		open_store(f, (size_t)1 << 30);
		static char value[100000];
		memset(value, 'v', sizeof value - 1);
		bool is_good = true;
		for (int i = 0; i < 20; i++) {
			char key[16];
			snprintf(key, sizeof key, "c%d", i);
			is_good &= put_one(f->store, f->loop, f->one, key, value) == OK;
		}
		is_good &= put_one(f->store, f->loop, f->one, "shared", "child") == OK;
		store_close(&f->store);
		_exit(is_good ? 0 : 1);
	}
	open_store(f, 256 << 10);
	for (int i = 0; i < 20; i++) {
		char key[16];
		snprintf(key, sizeof key, "p%d", i);
		assert_int_equal(put_one(f->store, f->loop, f->one, key, "parent"), OK);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(store_holds(f->store, f->one, "shared", "child"));
	assert_true(store_holds(f->store, f->one, "p19", "parent"));
	assert_int_equal(put_one(f->store, f->loop, f->one, "later", "parent"), OK);
}

/* ---- opening ---- */

static void test_files_are_for_their_owner_only(void **state)
{
	struct fixture *f = *state;
	char path[DIRECTORY_SIZE + 32];
	snprintf(path, sizeof path, "%s/a/b", f->directory);
	struct store *deep;
	assert_int_equal(store_open(path, databases, 2, &deep, NULL), OK);
	store_close(&deep);
	struct stat about;
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0700);
	snprintf(path, sizeof path, "%s/a/b/data.mdb", f->directory);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
}

static void test_a_file_that_is_no_store_is_an_error_with_its_name(void **state)
{
	struct fixture *f = *state;
	char path[DIRECTORY_SIZE + 32];
	snprintf(path, sizeof path, "%s/bad", f->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/bad/data.mdb", f->directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 2000; i++)
		fputs("no store", file);
	fclose(file);
	snprintf(path, sizeof path, "%s/bad", f->directory);
	struct store *store;
	struct why why;
	assert_int_equal(store_open(path, databases, 2, &store, &why), E_IO);
	assert_non_null(strstr(why.text, path));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_store_without_a_name_works_and_leaves_nothing),
		TEST(test_what_was_written_is_there_after_reopening),
		TEST(test_a_failing_job_undoes_only_its_own_writes),
		TEST(test_keys_that_cannot_be_are_refused),
		TEST(test_jobs_that_wait_share_one_commit_in_order),
		TEST(test_a_snapshot_does_not_see_later_writes),
		TEST(test_closing_finishes_the_jobs_that_wait),
		TEST(test_draining_runs_what_is_owed_to_a_loop_that_does_not_run),
		TEST(test_walks_go_in_key_order_from_a_key_until_told_to_stop),
		TEST(test_the_last_key_is_found_at_once),
		TEST(test_usage_tells_what_deleting_has_freed),
		TEST(test_clearing_empties_one_database),
		TEST(test_a_full_map_grows_and_loses_nothing),
		TEST(test_one_directory_opened_twice_is_one_store),
		TEST(test_another_process_may_write_and_outgrow_our_map),
		TEST(test_files_are_for_their_owner_only),
		TEST(test_a_file_that_is_no_store_is_an_error_with_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
