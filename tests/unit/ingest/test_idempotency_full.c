/* Answers for which the disk has no room: known all the same, and written when there is. On a small tmpfs in a mount namespace of its own,
 * so as root only. */
#include "tests/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "ingest/idempotency.h"

#define LARGE_BYTES ((size_t)3 << 20)

struct fixture {
	char directory[DIRECTORY_SIZE]; /* where the disk is mounted */
	char path[DIRECTORY_SIZE + 16]; /* of the store on it */
	char other[DIRECTORY_SIZE + 16];
	bool has_disk;
	struct loop *loop;
	struct store *store;
	struct idempotency *idempotency;
	struct arena *arena;
	struct digest request;
	struct idempotent *under_way;
	struct idempotency_answer answer;
	int kept_count;
};

static int set_up(void **state)
{
	static const char *const databases[] = {IDEMPOTENCY_DATABASE};
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	snprintf(f->path, sizeof f->path, "%s/store", f->directory);
	snprintf(f->other, sizeof f->other, "%s/other", f->directory);
	f->has_disk = unshare(CLONE_NEWNS) == 0 &&
		      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		      mount("tmpfs", f->directory, "tmpfs", 0, "size=2m") == 0;
	if (!f->has_disk)
		print_message("skipped: no small disk can be mounted here: %s\n", strerror(errno));
	f->loop = loop_new();
	f->arena = arena_new();
	assert_int_equal(store_open(f->path, databases, 1, &f->store, NULL), OK);
	f->idempotency = idempotency_new(f->loop, f->store);
	f->request = digest_of(BYTES("request"));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	idempotency_free(&f->idempotency);
	store_close(&f->store);
	arena_free(&f->arena);
	loop_free(&f->loop);
	if (f->has_disk)
		assert_int_equal(umount(f->directory), 0);
	directory_remove(f->directory);
	free(f);
	return 0;
}

static void fill_disk(struct fixture *f)
{
	static const char block[4096];
	int fd = open(f->other, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static enum idempotency_state ask(struct fixture *f, const char *name, struct digest request)
{
	struct digest key = digest_of(bytes_of(name));
	return idempotency_begin(f->idempotency, &key, &request, f->arena, &f->under_way,
				 &f->answer);
}

static void on_kept(void *owner)
{
	((struct fixture *)owner)->kept_count++;
}

static void keep(struct fixture *f, const char *name, unsigned status, struct bytes body)
{
	assert_int_equal(ask(f, name, f->request), IDEMPOTENCY_NEW);
	idempotent_keep(f->under_way, status, body, on_kept, f);
	store_drain(f->loop);
}

static void test_an_answer_without_room_is_known_and_written_later(void **state)
{
	struct fixture *f = *state;
	if (!f->has_disk)
		return;
	fill_disk(f);
	keep(f, "key", 202, BYTES("first"));
	assert_int_equal(f->kept_count, 1); /* the mail is kept, so its client is told */
	assert_int_equal(ask(f, "key", f->request), IDEMPOTENCY_REPLAY);
	assert_true(bytes_is(f->answer.body, "first"));
	assert_int_equal(ask(f, "key", digest_of(BYTES("other"))), IDEMPOTENCY_OTHER);
	assert_int_equal(unlink(f->other), 0);
	run_for(f->loop, 1500);
	idempotency_free(&f->idempotency); /* what was in memory alone goes with it */
	f->idempotency = idempotency_new(f->loop, f->store);
	assert_int_equal(ask(f, "key", f->request), IDEMPOTENCY_REPLAY);
}

static void test_what_waits_for_room_is_bounded(void **state)
{
	struct fixture *f = *state;
	if (!f->has_disk)
		return;
	uint8_t *large = calloc(1, LARGE_BYTES);
	char name[] = "0";
	fill_disk(f);
	for (; name[0] < '3'; name[0]++)
		keep(f, name, 200, bytes_from(large, LARGE_BYTES));
	assert_int_equal(ask(f, "new", f->request), IDEMPOTENCY_UNKNOWN);
	assert_int_equal(ask(f, "1", f->request), IDEMPOTENCY_REPLAY);
	free(large);
}

static void test_what_was_noted_without_room_is_resumed(void **state)
{
	struct fixture *f = *state;
	if (!f->has_disk)
		return;
	fill_disk(f);
	assert_int_equal(ask(f, "key", f->request), IDEMPOTENCY_NEW);
	idempotent_note(f->under_way, BYTES("half"), on_kept, f);
	store_drain(f->loop);
	assert_int_equal(f->kept_count, 1);
	assert_int_equal(ask(f, "key", f->request), IDEMPOTENCY_RESUME);
	assert_true(bytes_is(f->answer.body, "half"));
	idempotent_end(&f->under_way);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_answer_without_room_is_known_and_written_later),
		TEST(test_what_waits_for_room_is_bounded),
		TEST(test_what_was_noted_without_room_is_resumed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
