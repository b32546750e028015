#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/hash.h"

static void test_all_is_written(void **state)
{
	(void)state;
	char path[] = "/tmp/leveret-test-file-XXXXXX", text[16] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, BYTES("some ")), 0);
	assert_int_equal(file_write_all(fd, BYTES_NONE), 0);
	assert_int_equal(file_write_all(fd, BYTES("words")), 0);
	assert_int_equal(pread(fd, text, sizeof text, 0), 10);
	assert_string_equal(text, "some words");
	(void)close(fd);
	(void)unlink(path);
}

static void test_a_failure_is_told(void **state)
{
	(void)state;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, BYTES("x")), ENOSPC);
	(void)close(fd);
	assert_int_equal(file_write_all(-1, BYTES("x")), EBADF);
}

static void test_a_change_is_seen(void **state)
{
	(void)state;
	char path[] = "/tmp/leveret-test-file-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	uint64_t empty = file_fingerprint(HASH_START, path);
	assert_int_equal(file_fingerprint(HASH_START, path), empty);
	assert_int_equal(file_write_all(fd, BYTES("x")), 0);
	uint64_t filled = file_fingerprint(HASH_START, path);
	assert_true(filled != empty);
	(void)close(fd);
	(void)unlink(path);
	uint64_t missing = file_fingerprint(HASH_START, path);
	assert_true(missing != filled && missing != empty);
	assert_int_equal(file_fingerprint(HASH_START, ""), HASH_START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_written),
		cmocka_unit_test(test_a_failure_is_told),
		cmocka_unit_test(test_a_change_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
