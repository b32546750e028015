/* A full disk, on a small file system of the test's own (needs root; skipped without): writes fail E_FULL, what was kept stays,
 * and once there is room writing goes on without reopening. */
#include "tests/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

static const char *const databases[] = {"kept"};

static void fill(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof block) > 0)
		;
	close(fd);
}

static int write_on_a_full_disk(const char *directory)
{
	char ballast[DIRECTORY_SIZE + 16];
	snprintf(ballast, sizeof ballast, "%s/ballast", directory);
	struct loop *loop = loop_new();
	struct store *store;
	if (store_open(directory, databases, 1, &store, NULL) ||
	    put_one(store, loop, 0, "k", "before"))
		return 1;
	fill(ballast);
	static char value[1 << 20];
	memset(value, 'v', sizeof value - 1);
	if (put_one(store, loop, 0, "large", value) != E_FULL ||
	    !store_holds(store, 0, "k", "before"))
		return 2;
	unlink(ballast);
	if (put_one(store, loop, 0, "large", value) || !store_holds(store, 0, "large", value))
		return 3;
	store_close(&store);
	loop_free(&loop);
	return 0;
}

static void test_a_full_disk_fails_writes_until_there_is_room(void **state)
{
	(void)state;
	char directory[DIRECTORY_SIZE];
	directory_make(directory);
	pid_t child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", directory, "tmpfs", 0, "size=4m"))
			_exit(77);
		_exit(write_on_a_full_disk(directory));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	directory_remove(directory);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("not allowed to mount: skipped\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_disk_fails_writes_until_there_is_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
