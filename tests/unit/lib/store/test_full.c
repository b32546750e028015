/* A disk without space, on a real small filesystem: tmpfs of a few MiB in a mount namespace of its own, so as root only. What fails
 * says E_FULL and leaves nothing behind, what makes room still works, and with space the same open store goes on. */
#include "tests/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const char *const databases[] = {"one", "two"};

#define DISK_BYTES (8 << 20)

struct fixture {
	char directory[DIRECTORY_SIZE]; /* where the disk is mounted */
	char path[DIRECTORY_SIZE + 16]; /* of the store on it */
	struct loop *loop;
	struct store *store;
	int one, two;
};

static bool has_disk(struct fixture *f)
{
	char size[32];
	snprintf(size, sizeof size, "size=%d", DISK_BYTES);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", f->directory, "tmpfs", 0, size)) {
		print_message("skipped: no small disk can be mounted here: %s\n", strerror(errno));
		return false;
	}
	return true;
}

static void open_store(struct fixture *f)
{
	struct store_options options = {.is_exclusive = true,
					.compact_file_bytes = 1 << 20,
					.compact_used_bytes = 1 << 20,
					.compact_retry_ms = 20};
	struct why why = {0};
	enum err err = store_open_with(f->path, databases, 2, options, &f->store, &why);
	assert_string_equal(why.text, "");
	assert_int_equal(err, OK);
	f->one = store_database(f->store, "one");
	f->two = store_database(f->store, "two");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	snprintf(f->path, sizeof f->path, "%s/store", f->directory);
	f->loop = loop_new();
	if (has_disk(f))
		open_store(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->store) {
		store_close(&f->store);
		assert_int_equal(umount(f->directory), 0);
	}
	loop_free(&f->loop);
	directory_remove(f->directory);
	free(f);
	return 0;
}

/* Another file takes what is left of the disk but for so many bytes. */
static void leave_free(struct fixture *f, size_t bytes)
{
	char path[DIRECTORY_SIZE + 16];
	static const char block[4096];
	snprintf(path, sizeof path, "%s/other", f->directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	struct stat about;
	assert_int_equal(fstat(fd, &about), 0);
	assert_int_equal(ftruncate(fd, about.st_size - (off_t)bytes), 0);
	close(fd);
}

static void give_space_back(struct fixture *f)
{
	char path[DIRECTORY_SIZE + 16];
	snprintf(path, sizeof path, "%s/other", f->directory);
	assert_int_equal(unlink(path), 0);
}

static uint64_t count_of(struct fixture *f, int database)
{
	struct store_txn *txn = store_read_begin(f->store);
	uint64_t count = store_count(txn, database);
	store_read_end(&txn);
	return count;
}

static enum err wait_run(void *owner, struct store_txn *txn)
{
	(void)owner, (void)txn;
	usleep(100000);
	return OK;
}

/* Of a group that does not fit, each job that does not fit by itself fails; nothing of it is to be seen. */
static void test_what_does_not_fit_fails_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	if (!f->store)
		skip();
	static char large[1 << 20];
	memset(large, 'v', sizeof large - 1);
	struct put puts[] = {
		{.database = f->one, .key = "small", .value = "v"},
		{.database = f->one, .key = "a", .value = large},
		{.database = f->one, .key = "before", .value = NULL},
		{.database = f->one, .key = "b", .value = large},
		{.database = f->two, .key = "c", .value = large},
	};
	assert_int_equal(put_one(f->store, f->loop, f->one, "before", "v"), OK);
	leave_free(f, 600 << 10);
	for (int round = 0; round < 3; round++) {
		store_write(f->store, wait_run, NULL, NULL, NULL); /* the others wait together */
		put_all(f->store, f->loop, puts, 5);
		for (size_t i = 0; i < 5; i++)
			assert_int_equal(puts[i].err, puts[i].value == large ? E_FULL : OK);
		assert_int_equal(count_of(f, f->one), 1);
		assert_int_equal(count_of(f, f->two), 0);
		assert_true(store_holds(f->store, f->one, "small", "v"));
		assert_in_range(store_usage(f->store).used_bytes, 1, 64 << 10);
	}
	give_space_back(f);
	put_all(f->store, f->loop, puts, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(puts[i].err, OK);
	store_close(&f->store);
	open_store(f);
	assert_int_equal(count_of(f, f->one), 3);
	assert_true(store_holds(f->store, f->two, "c", large));
}

/* A job that does not fit says so when it is alone as well, and however much of it is written before the space ends. */
static void test_one_job_that_does_not_fit_is_full_not_broken(void **state)
{
	struct fixture *f = *state;
	if (!f->store)
		skip();
	static char large[1 << 20];
	memset(large, 'v', sizeof large - 1);
	for (int i = 0; i < 5; i++) /* which leaves free pages */
		assert_int_equal(put_one(f->store, f->loop, f->one, "before", "v"), OK);
	for (int round = 0; round < 16; round++) {
		leave_free(f, 52 << 10); /* which the file keeps: more and more of the value fits */
		assert_int_equal(put_one(f->store, f->loop, f->one, "a", large), E_FULL);
		assert_int_equal(put_one(f->store, f->loop, f->one, "before", "v"), OK);
	}
	give_space_back(f);
	assert_int_equal(put_one(f->store, f->loop, f->one, "a", large), OK);
	assert_true(store_holds(f->store, f->one, "a", large));
}

static void test_what_a_full_disk_holds_can_be_taken_out_and_written_over(void **state)
{
	struct fixture *f = *state;
	if (!f->store)
		skip();
	size_t written = put_many(f->store, f->loop, f->one, "k", 3000, 1000);
	assert_int_equal(written, 3000);
	leave_free(f, 0);
	assert_int_equal(put_many(f->store, f->loop, f->two, "more", 1, 1 << 20), 0);
	/* one commit each, as a queue that is worked off */
	for (int i = 0; i < 1500; i++) {
		char key[16];
		snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(put_one(f->store, f->loop, f->one, key, NULL), OK);
	}
	assert_int_equal(count_of(f, f->one), 1500);
	assert_int_equal(put_many(f->store, f->loop, f->two, "again", 1000, 1000), 1000);
	assert_int_equal(count_of(f, f->two), 1000);
}

/* The copy of a compaction needs space that is not there: the old file stays and is worked on. */
static void test_a_compaction_that_does_not_fit_waits_for_space(void **state)
{
	struct fixture *f = *state;
	if (!f->store)
		skip();
	assert_int_equal(put_many(f->store, f->loop, f->one, "k", 3000, 1000), 3000);
	leave_free(f, 100 << 10);
	for (int i = 0; i < 2600; i++) {
		char key[16];
		snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(put_one(f->store, f->loop, f->one, key, NULL), OK);
	}
	uint64_t file_bytes = store_usage(f->store).file_bytes;
	assert_in_range(file_bytes, 3000000, DISK_BYTES);
	for (int i = 0; i < 5; i++) {
		usleep(30000);
		assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
	}
	assert_in_range(store_usage(f->store).file_bytes, 3000000, DISK_BYTES);
	assert_int_equal(count_of(f, f->one), 400);

	give_space_back(f);
	for (int i = 0; i < 100 && store_usage(f->store).file_bytes > (1 << 20); i++) {
		usleep(30000);
		assert_int_equal(put_one(f->store, f->loop, f->two, "k", "v"), OK);
	}
	assert_in_range(store_usage(f->store).file_bytes, 1, 1 << 20);
	assert_int_equal(count_of(f, f->one), 400);
	assert_int_equal(count_of(f, f->two), 1);
}

/* Nor does a small write, when earlier ones have left free pages. */
static void test_opening_and_reading_need_no_space(void **state)
{
	struct fixture *f = *state;
	if (!f->store)
		skip();
	assert_int_equal(put_many(f->store, f->loop, f->one, "k", 100, 1000), 100);
	for (int i = 0; i < 5; i++)
		assert_int_equal(put_one(f->store, f->loop, f->one, "k7", "v"), OK);
	store_close(&f->store);
	leave_free(f, 0);
	open_store(f);
	struct store_txn *snapshots[1000];
	for (size_t i = 0; i < 1000; i++) {
		struct bytes value;
		snapshots[i] = store_read_begin(f->store);
		assert_int_equal(store_get(snapshots[i], f->one, BYTES("k7"), &value), OK);
	}
	for (size_t i = 0; i < 1000; i++)
		store_read_end(&snapshots[i]);
	assert_int_equal(put_one(f->store, f->loop, f->one, "k7", NULL), OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_does_not_fit_fails_and_leaves_nothing),
		TEST(test_one_job_that_does_not_fit_is_full_not_broken),
		TEST(test_what_a_full_disk_holds_can_be_taken_out_and_written_over),
		TEST(test_a_compaction_that_does_not_fit_waits_for_space),
		TEST(test_opening_and_reading_need_no_space),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
