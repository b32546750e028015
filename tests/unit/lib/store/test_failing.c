/* A disk that fails to sync or to write: the calls are the C library's, but for one that fails when the test says so. A write that
 * may not be on the disk is never called OK, nor is any after it. */
#include "tests/store_fixture.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

static const char *const databases[] = {"one"};

/* ---- calls that fail: the store's and LMDB's come here, because the program's own come before the library's ---- */

static atomic_int fdatasyncs_left = -1, fsyncs_left = -1,
		  pwrites_left = -1; /* until one fails; -1: none will */

static bool is_to_fail(atomic_int *left)
{
	if (atomic_load(left) < 0 || atomic_fetch_sub(left, 1) > 0)
		return false;
	errno = EIO;
	return true;
}

int fdatasync(int fd)
{
	return is_to_fail(&fdatasyncs_left) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return is_to_fail(&fsyncs_left) ? -1 : (int)syscall(SYS_fsync, fd);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return is_to_fail(&pwrites_left) ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

/* ---- */

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	int one;
};

static void open_store(struct fixture *f)
{
	struct store_options options = {.is_exclusive = true,
					.compact_file_bytes = 1 << 20,
					.compact_used_bytes = 1 << 20,
					.compact_retry_ms = 20};
	assert_int_equal(store_open_with(f->directory, databases, 1, options, &f->store, NULL), OK);
	f->one = store_database(f->store, "one");
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
	fdatasyncs_left = fsyncs_left = pwrites_left = -1;
	return 0;
}

static enum err wait_run(void *owner, struct store_txn *txn)
{
	(void)owner, (void)txn;
	usleep(100000);
	return OK;
}

/* Each job of the group that met the failure fails, and so does every later one, although the disk works again. */
static void fails_from_now_on(struct fixture *f, atomic_int *failing)
{
	struct put puts[] = {
		{.database = f->one, .key = "a", .value = "v"},
		{.database = f->one, .key = "before", .value = "changed"},
		{.database = f->one, .key = "c", .value = "v"},
	};
	put_all(f->store, f->loop, puts, 3);
	assert_int_equal(atomic_load(failing), -1); /* it was called */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(puts[i].err, E_IO);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put_one(f->store, f->loop, f->one, "later", "v"), E_IO);
	assert_false(store_holds(f->store, f->one, "a", "v"));
	assert_true(store_holds(f->store, f->one, "before", "v"));
	store_close(&f->store);
	open_store(f);
	assert_false(store_holds(f->store, f->one, "later", "v"));
	assert_true(store_holds(f->store, f->one, "before", "v"));
	assert_int_equal(put_one(f->store, f->loop, f->one, "later", "v"), OK);
}

static void test_after_a_sync_that_failed_nothing_is_called_written(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_one(f->store, f->loop, f->one, "before", "v"), OK);
	fdatasyncs_left = 0;
	fails_from_now_on(f, &fdatasyncs_left);
}

/* LMDB writes pages, syncs, and then writes the page that makes the commit one: the last pwrite. */
static void test_nor_after_any_write_that_failed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_one(f->store, f->loop, f->one, "before", "v"), OK);
	pwrites_left = 1000;
	assert_int_equal(put_one(f->store, f->loop, f->one, "before", "v"), OK);
	int writes = 1000 - atomic_load(&pwrites_left);
	assert_in_range(writes, 1, 20);
	for (int i = 0; i < writes; i++) {
		pwrites_left = -1;
		store_close(&f->store);
		open_store(f);
		assert_int_equal(put_one(f->store, f->loop, f->one, "later", NULL), OK);
		pwrites_left = i;
		struct put put = {.database = f->one, .key = "before", .value = "v"};
		put_all(f->store, f->loop, &put, 1);
		if (atomic_load(&pwrites_left) >= 0)
			continue; /* this commit had fewer */
		assert_int_equal(put.err, E_IO);
		assert_int_equal(put_one(f->store, f->loop, f->one, "later", "v"), E_IO);
		assert_false(store_holds(f->store, f->one, "later", "v"));
		assert_true(store_holds(f->store, f->one, "before", "v"));
	}
}

/* ---- at a compaction ---- */

static void fill_and_empty(struct fixture *f)
{
	assert_int_equal(put_one(f->store, f->loop, f->one, "before", "v"), OK);
	assert_int_equal(put_many(f->store, f->loop, f->one, "k", 30, 100000), 30);
}

static bool is_compacted(struct fixture *f)
{
	for (int i = 0; i < 50 && store_usage(f->store).file_bytes > (1 << 20); i++)
		usleep(10000);
	return store_usage(f->store).file_bytes <= (1 << 20);
}

static void test_a_copy_that_cannot_be_synced_is_not_used(void **state)
{
	struct fixture *f = *state;
	fill_and_empty(f);
	fsyncs_left = 0;
	assert_int_equal(put_many(f->store, f->loop, f->one, "k", 30, 0), 30);
	assert_false(is_compacted(f));
	assert_int_equal(atomic_load(&fsyncs_left), -1);
	assert_int_equal(put_one(f->store, f->loop, f->one, "later", "v"), OK);
	assert_true(is_compacted(f));
	assert_true(store_holds(f->store, f->one, "before", "v"));
	assert_true(store_holds(f->store, f->one, "later", "v"));
}

/* Whether the new file has the name after a power cut is not known, so nothing more may be written to it. */
static void test_when_the_exchange_cannot_be_synced_nothing_is_called_written(void **state)
{
	struct fixture *f = *state;
	fill_and_empty(f);
	fsyncs_left = 1;
	/* as one job, after which the compaction comes */
	store_write(f->store, wait_run, NULL, NULL, NULL);
	assert_int_equal(put_many(f->store, f->loop, f->one, "k", 30, 0), 30);
	assert_true(is_compacted(f));
	assert_int_equal(put_one(f->store, f->loop, f->one, "later", "v"), E_IO);
	assert_int_equal(atomic_load(&fsyncs_left), -1);
	assert_true(store_holds(f->store, f->one, "before", "v"));
	store_close(&f->store);
	open_store(f);
	assert_true(store_holds(f->store, f->one, "before", "v"));
	assert_false(store_holds(f->store, f->one, "later", "v"));
	assert_int_equal(put_one(f->store, f->loop, f->one, "later", "v"), OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_after_a_sync_that_failed_nothing_is_called_written),
		TEST(test_nor_after_any_write_that_failed),
		TEST(test_a_copy_that_cannot_be_synced_is_not_used),
		TEST(test_when_the_exchange_cannot_be_synced_nothing_is_called_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
