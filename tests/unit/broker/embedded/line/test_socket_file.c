/* The socket file is its user's alone, takes the place of what a dead host left, and is reached however long its path is. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/embedded/line/socket_file.h"
#include "fixture_turns.h"

struct host {
	int directory_fd, fd;
};

static void open_host(const char *directory, struct host *host)
{
	struct why why;
	assert_int_equal(socket_file_listen(directory, &host->directory_fd, &host->fd, &why), OK);
}

/* As when its process is killed: the file stays. */
static void kill_host(const struct host *host)
{
	assert_int_equal(close(host->fd), 0);
	assert_int_equal(close(host->directory_fd), 0);
}

static enum err knock(const char *directory)
{
	struct why why;
	int fd = -1;
	enum err err = socket_file_connect(directory, &fd, &why);
	if (err == OK)
		assert_int_equal(close(fd), 0);
	return err;
}

static void test_the_file_is_for_its_user_only_and_goes_with_its_host(void **state)
{
	(void)state;
	char directory[64], path[128];
	struct stat stat_of;
	struct host host;
	make_directory(directory);
	(void)snprintf(path, sizeof path, "%s/socket", directory);
	mode_t umask_before = umask(0);
	open_host(directory, &host);
	(void)umask(umask_before);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_true(S_ISSOCK(stat_of.st_mode));
	assert_int_equal(stat_of.st_mode & 0777, 0600);
	socket_file_remove(host.directory_fd);
	assert_int_equal(stat(path, &stat_of), -1);
	kill_host(&host);
	remove_directory(directory);
}

static void test_what_a_dead_host_left_is_replaced(void **state)
{
	(void)state;
	char directory[64];
	struct host host;
	make_directory(directory);
	open_host(directory, &host);
	assert_int_equal(knock(directory), OK);
	kill_host(&host);
	assert_int_equal(knock(directory), E_AWAY);
	open_host(directory, &host);
	assert_int_equal(knock(directory), OK);
	kill_host(&host);
	remove_directory(directory);
}

static void test_what_is_no_file_is_left_alone(void **state)
{
	(void)state;
	char directory[64], path[128];
	struct why why;
	int directory_fd = -1, fd = -1;
	make_directory(directory);
	(void)snprintf(path, sizeof path, "%s/socket", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(socket_file_listen(directory, &directory_fd, &fd, &why), E_IO);
	assert_non_null(strstr(why.text, path));
	assert_int_equal(rmdir(path), 0);
	remove_directory(directory);
}

static void test_a_path_longer_than_a_socket_address(void **state)
{
	(void)state;
	char parent[64], path[512];
	struct host host;
	make_directory(parent);
	(void)snprintf(path, sizeof path, "%s/%0200d", parent, 1);
	assert_int_equal(mkdir(path, 0700), 0);
	open_host(path, &host);
	assert_int_equal(knock(path), OK);
	kill_host(&host);
	remove_directory(path);
	remove_directory(parent);
}

static void test_a_queue_that_is_full_is_no_error(void **state)
{
	(void)state;
	char directory[64];
	struct host host;
	int fds[200], count = 0;
	enum err err = OK;
	make_directory(directory);
	open_host(directory, &host); /* which takes nobody in */
	while (count < 200 && err == OK)
		err = socket_file_connect(directory, &fds[count++], NULL);
	assert_int_equal(err, E_AWAY);
	for (int i = 0; i < count - 1; i++)
		assert_int_equal(close(fds[i]), 0);
	kill_host(&host);
	remove_directory(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_file_is_for_its_user_only_and_goes_with_its_host),
		cmocka_unit_test(test_what_a_dead_host_left_is_replaced),
		cmocka_unit_test(test_what_is_no_file_is_left_alone),
		cmocka_unit_test(test_a_path_longer_than_a_socket_address),
		cmocka_unit_test(test_a_queue_that_is_full_is_no_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
