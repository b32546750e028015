/* The map grows while others read, and whatever the size of a job. */
#include "tests/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

static const char *const databases[] = {"one", "two"};

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	int one, two;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	struct store_options options = {.map_bytes = 64 << 10};
	assert_int_equal(store_open_with(f->directory, databases, 2, options, &f->store, NULL), OK);
	f->one = store_database(f->store, "one");
	f->two = store_database(f->store, "two");
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

struct reader {
	struct fixture *f;
	pthread_t thread;
	atomic_bool *is_over;
	size_t looks, faults;
};

/* Holds a snapshot for a while and finds the same in it at its end: its map has not gone from under it. */
static void *look_twice(void *owner)
{
	struct reader *reader = owner;
	while (!atomic_load(reader->is_over)) {
		struct store_txn *txn = store_read_begin(reader->f->store);
		struct bytes key, value, again = BYTES_NONE;
		uint64_t count = store_count(txn, reader->f->one);
		bool has_last = store_last(txn, reader->f->one, &key, &value) == OK;
		usleep(300);
		reader->faults += store_count(txn, reader->f->one) != count;
		if (has_last)
			reader->faults += store_get(txn, reader->f->one, key, &again) != OK ||
					  again.data != value.data || again.len != value.len ||
					  again.data[again.len - 1] != 'v';
		store_read_end(&txn);
		reader->looks++;
	}
	return NULL;
}

static void test_it_grows_again_and_again_under_readers(void **state)
{
	struct fixture *f = *state;
	atomic_bool is_over = false;
	struct reader readers[3];
	for (size_t i = 0; i < 3; i++) {
		readers[i] = (struct reader){.f = f, .is_over = &is_over};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, look_twice, &readers[i]),
				 0);
	}
	for (int i = 0; i < 10; i++) {
		char prefix[16];
		snprintf(prefix, sizeof prefix, "%d-", i);
		assert_int_equal(put_many(f->store, f->loop, f->one, prefix, 50, 30000), 50);
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].faults, 0);
		assert_in_range(readers[i].looks, 1, SIZE_MAX);
	}
	struct store_txn *txn = store_read_begin(f->store);
	assert_int_equal(store_count(txn, f->one), 500);
	store_read_end(&txn);
}

/* ---- large jobs ---- */

#define LARGE_BYTES (256 << 10)

struct large {
	int database;
	size_t count, runs;
	enum err err;
	struct loop *loop;
};

static enum err put_large(void *owner, struct store_txn *txn)
{
	struct large *large = owner;
	large->runs++;
	char *value = malloc(LARGE_BYTES);
	memset(value, 'v', LARGE_BYTES);
	enum err err = OK;
	for (size_t i = 0; i < large->count && !err; i++) {
		char key[24];
		snprintf(key, sizeof key, "%zu", i);
		err = store_put(txn, large->database, bytes_of(key),
				bytes_from(value, LARGE_BYTES));
	}
	free(value);
	return err;
}

static void on_large(void *owner, enum err err)
{
	struct large *large = owner;
	large->err = err;
	loop_stop(large->loop);
}

static void test_one_job_may_be_larger_than_the_map_by_far(void **state)
{
	struct fixture *f = *state;
	struct large large = {.database = f->two, .count = 300, .loop = f->loop};
	store_write(f->store, put_large, f->loop, on_large, &large);
	loop_run(f->loop);
	assert_int_equal(large.err, OK);
	assert_in_range(large.runs, 2, 16); /* again from its start, as store.h says */
	struct store_txn *txn = store_read_begin(f->store);
	assert_int_equal(store_count(txn, f->two), 300);
	store_read_end(&txn);
}

/* More than one transaction is to hold: they are spread over several, and each is told its own outcome. */
static void test_many_large_jobs_may_wait_together(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_many(f->store, f->loop, f->one, "k", 600, LARGE_BYTES), 600);
	struct store_txn *txn = store_read_begin(f->store);
	assert_int_equal(store_count(txn, f->one), 600);
	store_read_end(&txn);
	assert_int_equal(put_many(f->store, f->loop, f->one, "k", 600, 0), 600);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_it_grows_again_and_again_under_readers),
		TEST(test_one_job_may_be_larger_than_the_map_by_far),
		TEST(test_many_large_jobs_may_wait_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
