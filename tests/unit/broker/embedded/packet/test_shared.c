/* Shared bytes live as long as their last reference, on whatever thread that is; a mapped file outlives its name. */
#include "tests/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/embedded/packet/shared.h"

static void test_bytes_are_those_written(void **state)
{
	(void)state;
	uint8_t *data;
	struct shared *shared = shared_new(5, &data);
	memcpy(data, "hello", 5);
	assert_true(bytes_is(shared_bytes(shared), "hello"));
	struct shared *copy = shared_copy(shared_bytes(shared));
	shared_unref(&shared);
	assert_null(shared);
	assert_true(bytes_is(shared_bytes(copy), "hello"));
	shared_unref(&copy);
}

static void test_nothing_is_shared_as_nothing(void **state)
{
	(void)state;
	struct shared *none = NULL;
	assert_null(shared_ref(NULL));
	assert_null(shared_bytes(NULL).data);
	shared_unref(&none);
	struct shared *empty = shared_copy(BYTES_NONE);
	assert_int_equal(shared_bytes(empty).len, 0);
	shared_unref(&empty);
}

static void *take_and_drop(void *owner)
{
	struct shared *shared = owner;
	for (int i = 0; i < 10000; i++) {
		struct shared *mine = shared_ref(shared);
		if (!bytes_is(shared_bytes(mine), "hello"))
			abort();
		shared_unref(&mine);
	}
	shared_unref(&shared);
	return NULL;
}

static void test_threads_share_and_the_last_one_frees(void **state)
{
	(void)state;
	struct shared *shared = shared_copy(BYTES("hello"));
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, take_and_drop, shared_ref(shared)), 0);
	shared_unref(&shared);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void write_file(char path[64], const char *text)
{
	(void)snprintf(path, 64, "/tmp/test_shared-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void test_a_mapped_file_outlives_its_name(void **state)
{
	(void)state;
	char path[64];
	struct shared *shared = NULL;
	struct why why;
	write_file(path, "a large body");
	assert_int_equal(shared_map(path, &shared, &why), OK);
	assert_int_equal(unlink(path), 0);
	struct shared *other = shared_ref(shared);
	shared_unref(&shared);
	assert_true(bytes_is(shared_bytes(other), "a large body"));
	shared_unref(&other);
}

static void test_an_empty_file_is_mapped_as_no_bytes(void **state)
{
	(void)state;
	char path[64];
	struct shared *shared = NULL;
	write_file(path, "");
	assert_int_equal(shared_map(path, &shared, NULL), OK);
	assert_non_null(shared);
	assert_int_equal(shared_bytes(shared).len, 0);
	shared_unref(&shared);
	assert_int_equal(unlink(path), 0);
}

static void test_what_is_no_file_is_not_mapped(void **state)
{
	(void)state;
	struct shared *shared = NULL;
	struct why why;
	assert_int_equal(shared_map("/tmp/test_shared-absent", &shared, &why), E_NOT_FOUND);
	assert_non_null(strstr(why.text, "test_shared-absent"));
	assert_int_equal(shared_map("/tmp", &shared, &why), E_IO);
	char path[64];
	write_file(path, "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(shared_map(path, &shared, &why), E_IO);
	assert_int_equal(unlink(path), 0);
	assert_null(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_those_written),
		cmocka_unit_test(test_nothing_is_shared_as_nothing),
		cmocka_unit_test(test_threads_share_and_the_last_one_frees),
		cmocka_unit_test(test_a_mapped_file_outlives_its_name),
		cmocka_unit_test(test_an_empty_file_is_mapped_as_no_bytes),
		cmocka_unit_test(test_what_is_no_file_is_not_mapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
