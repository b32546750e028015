/* Includes, relative paths and secrets, with files in a temporary folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture_shop.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/leveret-conf-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[100];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char path[200];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char *faults_of(const struct conf *conf)
{
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);
	conf_print_faults(conf, stream, false);
	fclose(stream);
	return out;
}

static void assert_faults(const char *name, enum err expected, const char *part)
{
	struct conf *conf;
	assert_int_equal(conf_load(path_of(name), &shop_section, &conf), expected);
	char *faults = faults_of(conf);
	if (!strstr(faults, part))
		print_error("%s\n", faults);
	assert_non_null(strstr(faults, part));
	free(faults);
	conf_free(&conf);
}

static const struct shop *load(const char *name, struct conf **ret_conf)
{
	enum err err = conf_load(path_of(name), &shop_section, ret_conf);
	if (err != OK)
		conf_print_faults(*ret_conf, stderr, false);
	assert_int_equal(err, OK);
	return conf_root(*ret_conf);
}

static void test_included_files_come_over_the_file_in_the_order_of_their_names(void **state)
{
	struct conf *conf;
	(void)state;
	assert_int_equal(mkdir(path_of("conf.d"), 0700), 0);
	write_file("main.yaml", "include: [conf.d/*.yaml]\nseats: 1\nwait: 1m\nmotto: main\n"
				"goods: [a, b]\nstaff: {ann: 1, bob: 2}\nrules: [{when: a}]\n"
				"shelves: {big: {places: 1, colour: green}}\n");
	write_file("conf.d/10.yaml",
		   "seats: 10\nmotto: ten\nshelves: {big: {places: 11}, small: {}}\n");
	write_file("conf.d/20.yaml",
		   "seats: 20\ngoods: [c]\nstaff: {eve: 1}\nrules: [{when: b}, {when: c}]\n");
	write_file("conf.d/30.txt", "seats: 30\n");
	const struct shop *shop = load("main.yaml", &conf);
	assert_int_equal(shop->seats, 20);
	assert_int_equal(shop->wait, 60000);
	assert_string_equal(shop->motto, "ten");
	assert_int_equal(shop->goods.count, 1); /* values are replaced whole */
	assert_int_equal(shop->staff.count, 1);
	assert_int_equal(shop->rules.count, 2);
	assert_int_equal(shop->shelves.count, 3); /* maps are merged */
	const struct shelf *big = CONF_ITEM(&shop->shelves, struct shelf, 1);
	assert_string_equal(big->name, "big");
	assert_int_equal(big->places, 11);
	assert_int_equal(big->colour, 1);
	conf_free(&conf);
}

static void test_a_fault_in_an_included_file_names_that_file(void **state)
{
	(void)state;
	write_file("main.yaml", "include: [part.yaml]\n");
	write_file("part.yaml", "\nseats: 0\n");
	assert_faults(
		"main.yaml", E_MALFORMED,
		"/part.yaml:2:8: error: seats: must be between 1 and 100, not 0\n    seats: 0\n");
}

static void test_includes_that_cannot_be_followed_are_faults(void **state)
{
	(void)state;
	write_file("cycle.yaml", "include: [cycle2.yaml]\n");
	write_file("cycle2.yaml", "include: [./cycle.yaml]\n");
	assert_faults("cycle.yaml", E_MALFORMED, "cycle2.yaml:1:11: error: include: ");
	assert_faults("cycle.yaml", E_MALFORMED, "./cycle.yaml includes itself\n");
	write_file("absent.yaml", "include: [nothing.yaml]\n");
	assert_faults("absent.yaml", E_MALFORMED,
		      "absent.yaml:1:11: error: include: nothing.yaml: no such file\n");
	write_file("map.yaml", "include: {a: b}\n");
	assert_faults("map.yaml", E_MALFORMED,
		      "map.yaml:1:10: error: include: expected a list of file patterns");
	write_file("empty.yaml", "include: [nothing/*.yaml]\n"); /* a pattern may match nothing */
	struct conf *conf;
	load("empty.yaml", &conf);
	conf_free(&conf);
}

static void test_an_absent_file_is_not_found(void **state)
{
	(void)state;
	assert_faults("nowhere.yaml", E_NOT_FOUND, "nowhere.yaml: No such file or directory\n");
	assert_faults(".", E_MALFORMED, "not a regular file\n");
}

static void test_paths_start_at_the_file_that_names_them(void **state)
{
	struct conf *conf;
	char expected[200];
	(void)state;
	assert_int_equal(mkdir(path_of("sub"), 0700), 0);
	write_file("main.yaml", "include: [sub/part.yaml]\nmap: main.map\n");
	write_file("sub/part.yaml", "map: \"${LEVERET_TEST_NAME}.map\"\n");
	assert_int_equal(setenv("LEVERET_TEST_NAME", "town", 1), 0);
	const struct shop *shop = load("main.yaml", &conf);
	snprintf(expected, sizeof(expected), "%s/sub/town.map", folder);
	assert_string_equal(shop->map, expected);
	conf_free(&conf);
	unsetenv("LEVERET_TEST_NAME");
	assert_faults(
		"main.yaml", E_MALFORMED,
		"part.yaml:1:6: error: map: the environment variable LEVERET_TEST_NAME is not set");
}

static void test_secrets_come_from_files_and_the_environment(void **state)
{
	struct conf *conf;
	(void)state;
	write_file("word", "s3cret word\n");
	write_file("main.yaml", "safe: {file: word}\n");
	assert_string_equal(load("main.yaml", &conf)->safe, "s3cret word");
	char *dump = shop_dump(conf, false);
	assert_null(strstr(dump, "s3cret"));
	assert_non_null(strstr(dump, "# (hidden)"));
	write_file("again.yaml", dump);
	free(dump);
	conf_free(&conf);
	assert_string_equal(load("again.yaml", &conf)->safe, "s3cret word");
	conf_free(&conf);

	assert_int_equal(setenv("LEVERET_TEST_WORD", "from env", 1), 0);
	write_file("main.yaml", "safe: {env: LEVERET_TEST_WORD}\n");
	assert_string_equal(load("main.yaml", &conf)->safe, "from env");
	conf_free(&conf);
	unsetenv("LEVERET_TEST_WORD");
	assert_faults("main.yaml", E_MALFORMED,
		      "main.yaml:1:13: error: safe: the environment variable LEVERET_TEST_WORD is "
		      "not set\n");
}

static void test_secrets_that_cannot_be_read_are_faults_without_the_secret(void **state)
{
	(void)state;
	write_file("main.yaml", "safe: {file: nothing}\n");
	assert_faults("main.yaml", E_MALFORMED, "/nothing: No such file or directory");
	write_file("main.yaml", "safe: {file: /dev/zero}\n");
	assert_faults("main.yaml", E_MALFORMED, "cannot read /dev/zero: not a regular file");
	write_file("word", "\n");
	write_file("main.yaml", "safe: {file: word}\n");
	assert_faults("main.yaml", E_MALFORMED, "/word is empty");
	write_file("word", "two\nlines\n");
	assert_faults("main.yaml", E_MALFORMED, "safe: the secret is not one line of text");
	write_file("word", "a secret that is longer than it may be");
	assert_faults("main.yaml", E_MALFORMED, "safe: must have 0 to 20 characters, not 38");
}

int main(void)
{
#define FILES_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		FILES_TEST(test_included_files_come_over_the_file_in_the_order_of_their_names),
		FILES_TEST(test_a_fault_in_an_included_file_names_that_file),
		FILES_TEST(test_includes_that_cannot_be_followed_are_faults),
		FILES_TEST(test_an_absent_file_is_not_found),
		FILES_TEST(test_paths_start_at_the_file_that_names_them),
		FILES_TEST(test_secrets_come_from_files_and_the_environment),
		FILES_TEST(test_secrets_that_cannot_be_read_are_faults_without_the_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
