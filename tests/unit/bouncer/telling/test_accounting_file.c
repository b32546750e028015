/* Files that lines are appended to: whole or not at all. */
#include "tests/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bouncer/telling/accounting_file.h"

#define NOW_MS INT64_C(1795252800000) /* 2026-11-21 09:20:00 */

struct fixture {
	char directory[64], path[128], rotated[128], second[128];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	(void)snprintf(f->directory, sizeof f->directory, "/tmp/leveret-accounting-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof f->path, "%s/acct.csv", f->directory);
	(void)snprintf(f->rotated, sizeof f->rotated, "%s/acct.20261121-092000.csv", f->directory);
	(void)snprintf(f->second, sizeof f->second, "%s/acct.20261121-092000-2.csv", f->directory);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	(void)unlink(f->path);
	(void)unlink(f->rotated);
	(void)unlink(f->second);
	(void)rmdir(f->directory);
	free(f);
	return 0;
}

static struct accounting_file *open_file(const struct fixture *f, const char *header)
{
	const struct accounting_file_options options = {
		.path = f->path, .header = bytes_of(header), .size_max = 20, .must_sync = true};
	return accounting_file_new(&options);
}

static void append(struct accounting_file *file, const char *lines)
{
	struct why why = {""};
	enum err err = accounting_file_append(file, bytes_of(lines), NOW_MS, &why);
	if (err)
		print_error("%s\n", why.text);
	assert_int_equal(err, OK);
}

static void assert_text(const char *path, const char *expected)
{
	char text[200] = "";
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	text[fread(text, 1, sizeof text - 1, in)] = '\0';
	(void)fclose(in);
	assert_string_equal(text, expected);
}

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void test_a_file_begins_with_its_header_and_goes_on_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct accounting_file *file = open_file(f, "a,b\n");
	append(file, "1,2\n");
	accounting_file_free(&file);
	file = open_file(f, "a,b\n");
	append(file, "3,4\n");
	accounting_file_free(&file);
	assert_text(f->path, "a,b\n1,2\n3,4\n");
}

static void test_what_a_crash_left_of_a_line_goes(void **state)
{
	struct fixture *f = *state;
	write_text(f->path, "a,b\n1,2\n3,");
	struct accounting_file *file = open_file(f, "a,b\n");
	append(file, "5,6\n");
	accounting_file_free(&file);
	assert_text(f->path, "a,b\n1,2\n5,6\n");
}

static void test_a_large_file_is_renamed_and_no_name_is_taken_twice(void **state)
{
	struct fixture *f = *state;
	struct accounting_file *file = open_file(f, "a,b\n");
	append(file, "first,line\n");
	append(file, "second,line\n");
	append(file, "third,line\n");
	accounting_file_free(&file);
	assert_text(f->rotated, "a,b\nfirst,line\n");
	assert_text(f->second, "a,b\nsecond,line\n");
	assert_text(f->path, "a,b\nthird,line\n");
}

static void test_other_columns_begin_another_file(void **state)
{
	struct fixture *f = *state;
	write_text(f->path, "x,y\n1,2\n");
	struct accounting_file *file = open_file(f, "a,b\n");
	append(file, "3,4\n");
	accounting_file_free(&file);
	assert_text(f->rotated, "x,y\n1,2\n");
	assert_text(f->path, "a,b\n3,4\n");
}

static void test_a_file_that_was_moved_away_is_begun_again(void **state)
{
	struct fixture *f = *state;
	struct accounting_file *file = open_file(f, "a,b\n");
	append(file, "1,2\n");
	assert_int_equal(rename(f->path, f->rotated), 0);
	append(file, "3,4\n");
	accounting_file_free(&file);
	assert_text(f->rotated, "a,b\n1,2\n");
	assert_text(f->path, "a,b\n3,4\n");
}

static void test_a_file_that_is_looked_at_is_renamed_for_its_age_without_a_line(void **state)
{
	struct fixture *f = *state;
	struct why why = {""};
	const struct timespec yesterday[2] = {{NOW_MS / 1000 - 86400, 0},
					      {NOW_MS / 1000 - 86400, 0}};
	const struct accounting_file_options options = {.path = f->path,
							.header = BYTES("a,b\n"),
							.size_max = 1000,
							.every_ms = INT64_C(86400000)};
	struct accounting_file *file = accounting_file_new(&options);
	append(file, "1,2\n");
	assert_int_equal(utimensat(AT_FDCWD, f->path, yesterday, 0), 0);
	assert_int_equal(accounting_file_append(file, BYTES_NONE, NOW_MS, &why), OK);
	assert_text(f->rotated, "a,b\n1,2\n");
	assert_text(f->path, "a,b\n");
	assert_int_equal(utimensat(AT_FDCWD, f->path, yesterday, 0), 0);
	assert_int_equal(accounting_file_append(file, BYTES_NONE, NOW_MS, &why), OK);
	assert_int_not_equal(access(f->second, F_OK), 0); /* nothing was in it */
	accounting_file_free(&file);
}

static void test_a_file_that_is_closed_is_begun_where_it_was(void **state)
{
	struct fixture *f = *state;
	struct accounting_file *file = open_file(f, "a,b\n");
	append(file, "1,2\n");
	assert_int_equal(rename(f->path, f->rotated), 0);
	accounting_file_close(file);
	append(file, "");
	assert_text(f->path, "a,b\n");
	append(file, "3,4\n");
	accounting_file_free(&file);
	assert_text(f->rotated, "a,b\n1,2\n");
	assert_text(f->path, "a,b\n3,4\n");
}

static void test_where_there_is_no_room_nothing_is_written(void **state)
{
	struct fixture *f = *state;
	struct accounting_file *file = open_file(f, "a,b\n");
	struct rlimit before, small;
	struct why why = {""};
	append(file, "1,2\n");
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 10; /* two bytes of what is written next */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_not_equal(accounting_file_append(file, BYTES("3,4\n"), NOW_MS, &why), OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_text(f->path, "a,b\n1,2\n");
	append(file, "3,4\n");
	accounting_file_free(&file);
	assert_text(f->path, "a,b\n1,2\n3,4\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_file_begins_with_its_header_and_goes_on_after_a_restart),
		TEST(test_what_a_crash_left_of_a_line_goes),
		TEST(test_a_large_file_is_renamed_and_no_name_is_taken_twice),
		TEST(test_other_columns_begin_another_file),
		TEST(test_a_file_that_was_moved_away_is_begun_again),
		TEST(test_a_file_that_is_looked_at_is_renamed_for_its_age_without_a_line),
		TEST(test_a_file_that_is_closed_is_begun_where_it_was),
		TEST(test_where_there_is_no_room_nothing_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
