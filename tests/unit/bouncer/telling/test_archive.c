/* What was told is read again: in order, across files, through what a crash left. */
#include "bouncer/telling/archive.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

#define LONG 300000000000

struct fixture {
	struct loop *loop;
	char directory[64];
	struct archive *archive;
};

static struct archive *open_archive(struct fixture *f, int64_t keep_ms, uint64_t size_max,
				    uint64_t file_max)
{
	const struct archive_options options = {.loop = f->loop,
						.directory = f->directory,
						.keep_ms = keep_ms,
						.size_max = size_max,
						.file_max = file_max};
	return archive_new(&options);
}

static int setup(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.loop = loop_new(), .directory = "/tmp/leveret-archive-XXXXXX"};
	assert_non_null(mkdtemp(fixture.directory));
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[120];
	archive_free(&f->archive);
	loop_free(&f->loop);
	(void)snprintf(command, sizeof command, "rm -r %s", f->directory);
	return system(command);
}

static void add(struct fixture *f, int first, int count)
{
	char text[80];
	for (int i = first; i < first + count; i++) {
		(void)snprintf(text, sizeof text, "batch %04d ......................", i);
		archive_add(f->archive, bytes_of(text));
	}
}

/* Their numbers are in order, without a gap. */
static int read_all(const struct fixture *f, int64_t since_wall_ms, size_t room, int *ret_first)
{
	struct archive_place place = {0};
	struct buf out;
	struct why why;
	int count = 0, first = -1;
	buf_init(&out, room);
	while (archive_read(f->directory, since_wall_ms, &place, &out, &why) == OK) {
		struct bytes text = buf_bytes(&out), body;
		while (archive_next(&text, &body)) {
			char copy[80];
			assert_true(bytes_to_cstr(body, copy, sizeof copy));
			int number = atoi(copy + 6);
			if (first < 0)
				first = number;
			assert_int_equal(number, first + count);
			count++;
		}
	}
	buf_done(&out);
	*ret_first = first;
	return count;
}

static int file_count(const struct fixture *f)
{
	int count = 0;
	DIR *dir = opendir(f->directory);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count - 2;
}

static void test_all_is_read_in_order_in_pieces_and_files(void **state)
{
	struct fixture *f = *state;
	int first;
	f->archive = open_archive(f, LONG, 1 << 30, 1000);
	add(f, 0, 100);
	assert_true(file_count(f) > 3);
	assert_int_equal(read_all(f, 0, 100, &first), 100);
	assert_int_equal(read_all(f, 0, 1 << 20, &first), 100);
	assert_int_equal(first, 0);
	/* nothing is told before its file begins, so whole files are left out */
	assert_int_equal(read_all(f, INT64_MAX, 1 << 20, &first) > 0, true);
	assert_true(first > 50);
}

static void test_another_start_goes_on_behind_half_a_frame(void **state)
{
	struct fixture *f = *state;
	char command[160];
	int first;
	f->archive = open_archive(f, LONG, 1 << 30, 0);
	add(f, 0, 10);
	archive_free(&f->archive);
	(void)snprintf(command, sizeof command, "for f in %s/*; do truncate -s -5 $f; done",
		       f->directory);
	assert_int_equal(system(command), 0);
	f->archive = open_archive(f, LONG, 1 << 30, 0);
	add(f, 9, 10);
	assert_int_equal(read_all(f, 0, 1 << 20, &first), 19);
}

static void test_the_oldest_goes_when_it_is_too_much(void **state)
{
	struct fixture *f = *state;
	int first;
	f->archive = open_archive(f, LONG, 4000, 1000);
	add(f, 0, 1000);
	assert_true(file_count(f) <= 4);
	assert_true(read_all(f, 0, 1 << 20, &first) < 100);
	assert_true(first > 900);
}

static void test_a_disk_that_takes_nothing_is_told_and_tried_again_later(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(rmdir(f->directory), 0);
	FILE *in_its_place = fopen(f->directory, "w");
	assert_non_null(in_its_place);
	assert_int_equal(fclose(in_its_place), 0);
	f->archive = open_archive(f, LONG, 1 << 20, 0);
	add(f, 0, 3);
	assert_int_equal(unlink(f->directory), 0);
	add(f, 3, 1); /* not before its minute is over */
	assert_int_not_equal(access(f->directory, F_OK), 0);
	assert_int_equal(mkdir(f->directory, 0700), 0);
}

static void test_nothing_is_kept_where_nothing_is_to_be(void **state)
{
	struct fixture *f = *state;
	int first;
	f->archive = open_archive(f, 0, 1 << 30, 0);
	add(f, 0, 10);
	assert_int_equal(file_count(f), 0);
	assert_int_equal(read_all(f, 0, 1 << 20, &first), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_is_read_in_order_in_pieces_and_files,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_start_goes_on_behind_half_a_frame,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_oldest_goes_when_it_is_too_much, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_a_disk_that_takes_nothing_is_told_and_tried_again_later, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_kept_where_nothing_is_to_be, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
