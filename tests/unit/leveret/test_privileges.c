/* From root to another user, each time in a child process. Passed over where the tests do not run as root. */
#include "tests/check.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leveret/privileges.h"

#define USER "nobody"

struct place {
	char directory[64], inside[80];
	uid_t uid;
};

static struct place make_place(void)
{
	struct place place = {.directory = "/tmp/leveret-privileges-XXXXXX"};
	if (geteuid() != 0)
		skip();
	place.uid = getpwnam(USER)->pw_uid;
	assert_non_null(mkdtemp(place.directory));
	assert_int_equal(chmod(place.directory, 0755), 0);
	(void)snprintf(place.inside, sizeof place.inside, "%s/data", place.directory);
	return place;
}

static void remove_place(const struct place *place)
{
	(void)rmdir(place->inside);
	assert_int_equal(rmdir(place->directory), 0);
}

/* Gives what the child says: 0 when all is as it should be. */
static int in_child(int (*run)(const struct place *place), const struct place *place)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(run(place));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int drop_to_user(const struct place *place)
{
	struct why why;
	const char *const directories[] = {place->inside, NULL};
	if (privileges_drop(USER, directories, &why) != OK)
		return 1;
	if (geteuid() != place->uid || setuid(0) == 0)
		return 2;
	return access(place->inside, W_OK) == 0 ? 0 : 3;
}

static int drop_to_owner(const struct place *place)
{
	struct why why;
	if (privileges_drop_to_owner(place->inside, &why) != OK)
		return 1;
	if (geteuid() != place->uid || getegid() != getpwnam(USER)->pw_gid || setuid(0) == 0)
		return 2;
	return access(place->inside, W_OK) == 0 ? 0 : 3;
}

static int drop_nowhere(const struct place *place)
{
	struct why why;
	const char *const directories[] = {place->inside, NULL};
	if (privileges_drop_to_owner("/nonexistent", &why) != OK ||
	    privileges_drop_to_owner(place->directory, &why) != OK ||
	    privileges_drop("", directories, &why) != OK)
		return 1;
	return geteuid() == 0 ? 0 : 2;
}

static int drop_to_an_unknown_user(const struct place *place)
{
	struct why why;
	const char *const directories[] = {place->inside, NULL};
	return privileges_drop("no-such-user", directories, &why) == E_NOT_FOUND ? 0 : 1;
}

static void test_a_role_gives_its_directories_to_its_user(void **state)
{
	(void)state;
	struct place place = make_place();
	struct stat status;
	assert_int_equal(in_child(drop_to_user, &place), 0);
	assert_int_equal(stat(place.inside, &status), 0);
	assert_int_equal(status.st_uid, place.uid);
	remove_place(&place);
}

static void test_a_verb_becomes_the_owner_of_the_directory(void **state)
{
	(void)state;
	struct place place = make_place();
	assert_int_equal(mkdir(place.inside, 0700), 0);
	assert_int_equal(chown(place.inside, place.uid, (gid_t)-1), 0);
	assert_int_equal(in_child(drop_to_owner, &place), 0);
	remove_place(&place);
}

static void test_root_stays_where_nobody_else_is_meant(void **state)
{
	(void)state;
	struct place place = make_place();
	assert_int_equal(in_child(drop_nowhere, &place), 0);
	assert_int_equal(in_child(drop_to_an_unknown_user, &place), 0);
	assert_int_not_equal(access(place.inside, F_OK), 0);
	remove_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_role_gives_its_directories_to_its_user),
		cmocka_unit_test(test_a_verb_becomes_the_owner_of_the_directory),
		cmocka_unit_test(test_root_stays_where_nobody_else_is_meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
