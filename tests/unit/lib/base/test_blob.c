/* Blobs give back what was written, in memory and in a file, and share by reference. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/blob.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

static struct blob *written(size_t size, size_t memory_max_bytes)
{
	struct blob_writer *writer = blob_writer_new("/tmp", memory_max_bytes);
	struct why why;
	for (size_t at = 0; at < size; at++) {
		uint8_t byte = (uint8_t)(at * 7);
		assert_int_equal(blob_writer_append(writer, bytes_from(&byte, 1), &why), OK);
	}
	assert_true(blob_writer_size(writer) == size);
	return blob_writer_finish(&writer);
}

static void test_what_was_written_is_read_from_memory_and_from_a_file(void **state)
{
	(void)state;
	static const struct {
		size_t size, memory_max;
		bool is_in_memory;
	} cases[] = {{0, 10, true}, {10, 10, true}, {11, 10, false}, {5000, 100, false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct blob *blob = written(cases[i].size, cases[i].memory_max);
		uint8_t out[5000];
		assert_true(blob_size(blob) == cases[i].size);
		assert_int_equal(blob_memory(blob).data != NULL, cases[i].is_in_memory);
		assert_int_equal(blob_read(blob, 0, out, cases[i].size, NULL), OK);
		for (size_t at = 0; at < cases[i].size; at++)
			assert_int_equal(out[at], (uint8_t)(at * 7));
		blob_unref(&blob);
		assert_null(blob);
	}
}

static void test_a_blob_lives_as_long_as_its_last_reference(void **state)
{
	(void)state;
	struct blob *first = blob_from_bytes(BYTES("hello"));
	struct blob *second = blob_ref(first);
	blob_unref(&first);
	assert_true(bytes_is(blob_memory(second), "hello"));
	blob_unref(&second);
}

static void test_a_full_or_missing_directory_is_an_error(void **state)
{
	(void)state;
	struct why why;
	struct blob_writer *writer = blob_writer_new("/nonexistent", 2);
	assert_int_equal(blob_writer_append(writer, BYTES("abc"), &why), E_IO);
	assert_non_null(strstr(why.text, "/nonexistent"));
	blob_writer_free(&writer);
}

static void test_arena_memory_is_aligned_and_reset_keeps_little(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	size_t fresh = arena_bytes(arena);
	for (size_t size = 1; size < 20000; size += 37) {
		uint8_t *at = arena_alloc(arena, size);
		assert_int_equal((uintptr_t)at % 16, 0);
		memset(at, 0xaa, size);
	}
	assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	arena_reset(arena);
	assert_true(arena_bytes(arena) <= fresh * 2);
	arena_free(&arena);
}

static void test_ids_sort_by_birth_and_differ(void **state)
{
	(void)state;
	char early[ID_SIZE], late[ID_SIZE], twin[ID_SIZE];
	id_new(1700000000000, early);
	id_new(1700000000001, late);
	id_new(1700000000001, twin);
	assert_true(strcmp(early, late) < 0);
	assert_string_not_equal(late, twin);
	assert_int_equal(strlen(late), ID_SIZE - 1);
}

static void test_dates_are_written_in_utc(void **state)
{
	(void)state;
	char text[CLOCK_RFC5322_SIZE], stamp[CLOCK_RFC3339_SIZE];
	clock_rfc5322(1793611200123, text);
	assert_string_equal(text, "Mon, 2 Nov 2026 09:20:00 +0000");
	clock_rfc3339(1793611200123, stamp);
	assert_string_equal(stamp, "2026-11-02T09:20:00.123Z");
	clock_rfc3339(-1, stamp);
	assert_string_equal(stamp, "1969-12-31T23:59:59.999Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_is_read_from_memory_and_from_a_file),
		cmocka_unit_test(test_a_blob_lives_as_long_as_its_last_reference),
		cmocka_unit_test(test_a_full_or_missing_directory_is_an_error),
		cmocka_unit_test(test_arena_memory_is_aligned_and_reset_keeps_little),
		cmocka_unit_test(test_ids_sort_by_birth_and_differ),
		cmocka_unit_test(test_dates_are_written_in_utc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
