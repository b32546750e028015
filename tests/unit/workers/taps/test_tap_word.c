/* What a reader and workers say to each other, and what the reader makes of their counts. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/taps/tap_counts.h"

static void test_a_wish_is_read_as_it_was_written(void **state)
{
	struct tap_wish wish = {.id = "01X",
				.as_json = true,
				.site = "gmail",
				.recipient = "a=b@x.example",
				.message = "01Y"};
	struct tap_wish read;
	struct buf out;
	(void)state;
	buf_init(&out, 4000);
	assert_int_equal(tap_wish_write(&wish, &out), OK);
	size_t kind = strlen(TAP_QUESTION "\n");
	assert_true(bytes_is(bytes_first(buf_bytes(&out), kind), TAP_QUESTION "\n"));
	assert_true(tap_wish_read(bytes_skip(buf_bytes(&out), kind), &read));
	assert_memory_equal(&wish, &read, sizeof wish);
	buf_done(&out);
}

static void test_a_wish_that_is_not_understood_is_none(void **state)
{
	static const char *const wrong[] = {
		"",
		"id=1\n",
		"site=gmail\n",
		"id=1\nsite=gmail",
		"id=1\nsite\n",
		"id=1\ntenant=a\nsite=b\n",
		"id=1\nsite=\n",
		"id=01234567890123456789012345678901234567890\nsite=a\n",
	};
	struct tap_wish read;
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(tap_wish_read(bytes_of(wrong[i]), &read));
	assert_true(tap_wish_read(BYTES("id=1\nends=1\n"), &read) && read.ends);
	struct tap_wish broken = {.id = "1", .site = "a\nends=1"};
	struct buf out;
	buf_init(&out, 4000);
	assert_int_equal(tap_wish_write(&broken, &out), E_MALFORMED);
	buf_done(&out);
}

static struct tap_head head(const char *worker, uint64_t since, uint64_t told, uint64_t dropped)
{
	struct tap_head head = {.since = since, .told_count = told, .dropped_count = dropped};
	(void)snprintf(head.worker, sizeof head.worker, "%s", worker);
	return head;
}

static void test_a_head_is_read_as_it_was_written(void **state)
{
	struct tap_head written = head("mta 1/77", UINT64_MAX, 3, 4), read = {0};
	struct bytes lines;
	struct buf out;
	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(tap_head_write(&written, &out), OK);
	assert_int_equal(buf_append_text(&out, "one\ntwo\n"), OK);
	assert_true(tap_head_read(buf_bytes(&out), &read, &lines));
	assert_memory_equal(&written, &read, sizeof read);
	assert_true(bytes_is(lines, "one\ntwo\n"));
	buf_done(&out);
	assert_false(tap_head_read(BYTES("1 2 3 w"), &read, &lines));
	assert_false(tap_head_read(BYTES("1 2 w\n"), &read, &lines));
	assert_false(tap_head_read(BYTES("1 -2 3 w\n"), &read, &lines));
	assert_false(tap_head_read(BYTES("1 2 3 \n"), &read, &lines));
}

static uint64_t note(struct tap_counts *counts, struct tap_head of, uint64_t line_count)
{
	return tap_counts_note(counts, &of, line_count);
}

static void test_what_was_missed_is_told_once(void **state)
{
	struct tap_counts *counts = tap_counts_new();
	(void)state;
	assert_int_equal(tap_counts_workers(counts), 0);
	assert_int_equal(note(counts, head("a", 1, 0, 0), 0), 0);
	assert_int_equal(note(counts, head("a", 1, 5, 0), 5), 0);
	assert_int_equal(note(counts, head("b", 1, 3, 0), 3), 0);
	assert_int_equal(note(counts, head("a", 1, 20, 0), 10), 5); /* lost on the way */
	assert_int_equal(note(counts, head("a", 1, 22, 7), 2), 7);  /* dropped there */
	assert_int_equal(note(counts, head("a", 1, 22, 7), 0), 0);
	assert_int_equal(note(counts, head("a", 9, 1, 0), 1), 0); /* it began anew */
	assert_int_equal(note(counts, head("a", 9, 4, 1), 1), 3);
	assert_int_equal(tap_counts_workers(counts), 2);
	tap_counts_free(&counts);
}

static void test_of_too_many_workers_nothing_is_kept(void **state)
{
	struct tap_counts *counts = tap_counts_new();
	char name[20];
	(void)state;
	for (size_t i = 0; i < TAP_WORKERS_MAX + 10; i++) {
		(void)snprintf(name, sizeof name, "w%zu", i);
		(void)note(counts, head(name, 1, 0, 0), 0);
	}
	assert_int_equal(tap_counts_workers(counts), TAP_WORKERS_MAX);
	assert_int_equal(note(counts, head("w1005", 1, 10, 10), 0), 0);
	tap_counts_free(&counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_wish_is_read_as_it_was_written),
		cmocka_unit_test(test_a_wish_that_is_not_understood_is_none),
		cmocka_unit_test(test_a_head_is_read_as_it_was_written),
		cmocka_unit_test(test_what_was_missed_is_told_once),
		cmocka_unit_test(test_of_too_many_workers_nothing_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
