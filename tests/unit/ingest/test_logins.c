/* Logins by a file: who may, what is remembered, and for how long a file that changed lets it be. */
#include "tests/store_fixture.h"

#include <crypt.h>

#include "ingest/logins.h"
#include "ingest/password_queue.h"

#define PENDING ((enum login_verdict)99)

static struct {
	char directory[DIRECTORY_SIZE], path[DIRECTORY_SIZE + 20];
	struct loop *loop;
	struct ingest_settings settings;
	struct logins *logins;
	enum login_verdict verdict;
	char tenant[20];
	const enum login_verdict *wanted; /* the loop runs until it is there */
} desk;

/* "ada" with this password; rounds: how long a check takes. */
static void write_user(const char *password, const char *tenant, unsigned rounds)
{
	struct crypt_data data = {0};
	char setting[60];
	snprintf(setting, sizeof setting, "$6$rounds=%u$saltsaltsalt", rounds);
	FILE *file = fopen(desk.path, "w");
	assert_non_null(file);
	fprintf(file, "bob:%s:other\n", crypt_r("bob's", setting, &data));
	if (password)
		fprintf(file, "ada:%s:%s\n", crypt_r(password, setting, &data), tenant);
	fclose(file);
}

static int set_up(void **state)
{
	struct why why;
	(void)state;
	memset(&desk, 0, sizeof desk);
	directory_make(desk.directory);
	snprintf(desk.path, sizeof desk.path, "%s/users", desk.directory);
	desk.loop = loop_new();
	desk.settings.credentials = desk.path;
	desk.settings.credentials_url = "";
	desk.settings.max_failed_logins_per_ip = 100;
	desk.settings.password_threads = 1;
	write_user("s3cret", "acme", 1000);
	const struct logins_options options = {desk.loop, &desk.settings};
	assert_int_equal(logins_open(&options, &desk.logins, &why), OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	logins_free(&desk.logins);
	loop_free(&desk.loop);
	directory_remove(desk.directory);
	return 0;
}

static void on_done(void *owner, enum login_verdict verdict, const struct credential *credential)
{
	enum login_verdict *ret = owner;
	*ret = verdict;
	snprintf(desk.tenant, sizeof desk.tenant, "%s", credential ? credential->tenant : "");
	if (ret == desk.wanted)
		loop_stop(desk.loop);
}

static void start(const char *ip, const char *name, const char *password,
		  enum login_verdict *ret_verdict)
{
	struct net_address client;
	assert_true(net_address_parse(ip, 25, &client));
	const struct login_request request = {&client, "door", bytes_of(name), bytes_of(password)};
	(void)login_start(desk.logins, &request, on_done, ret_verdict);
}

static void run_until_verdicts(const enum login_verdict *wanted)
{
	desk.wanted = wanted;
	loop_run(desk.loop);
}

static enum login_verdict log_in(const char *ip, const char *password)
{
	start(ip, "ada", password, &desk.verdict);
	run_until_verdicts(&desk.verdict);
	return desk.verdict;
}

static void test_who_was_taken_out_of_the_file_is_not_remembered(void **state)
{
	(void)state;
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_RIGHT);
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_RIGHT);
	write_user(NULL, NULL, 1000);
	logins_reload(desk.logins);
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_WRONG);
}

static void test_an_old_password_is_not_remembered(void **state)
{
	(void)state;
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_RIGHT);
	write_user("new", "acme", 1000);
	logins_reload(desk.logins);
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_WRONG);
	assert_int_equal(log_in("192.0.2.1", "new"), LOGIN_RIGHT);
}

static void test_of_who_is_remembered_the_new_file_tells(void **state)
{
	(void)state;
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_RIGHT);
	assert_string_equal(desk.tenant, "acme");
	write_user("s3cret", "rocket", 1000);
	logins_reload(desk.logins);
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_RIGHT);
	assert_string_equal(desk.tenant, "rocket");
}

static void test_a_faulty_file_changes_nothing(void **state)
{
	(void)state;
	FILE *file = fopen(desk.path, "w");
	assert_non_null(file);
	fprintf(file, "ada:no hash\n");
	fclose(file);
	logins_reload(desk.logins);
	assert_int_equal(log_in("192.0.2.1", "s3cret"), LOGIN_RIGHT);
}

/* Twelve networks guess, eight times each; one login of a network of its own, and one that is remembered, are not held up. */
static void test_guessing_holds_nobody_else_up(void **state)
{
	enum { NETWORKS = 12, GUESSES = 8 };
	enum login_verdict guesses[NETWORKS * GUESSES], remembered = PENDING, other = PENDING;
	unsigned busy_count = 0, pending_count = 0;
	(void)state;
	write_user("s3cret", "acme", 20000);
	logins_reload(desk.logins);
	assert_int_equal(log_in("198.51.100.9", "s3cret"), LOGIN_RIGHT);
	for (size_t i = 0; i < NETWORKS * GUESSES; i++) {
		char ip[20], guess[20];
		snprintf(ip, sizeof ip, "192.0.2.%zu", i / GUESSES);
		snprintf(guess, sizeof guess, "guess-%zu", i);
		guesses[i] = PENDING;
		start(ip, "bob", guess, &guesses[i]);
	}
	start("198.51.100.8", "ada", "s3cret", &other);
	start("198.51.100.9", "ada", "s3cret", &remembered);
	run_until_verdicts(&remembered);
	assert_int_equal(remembered, LOGIN_RIGHT);
	assert_int_equal(other, PENDING);
	run_until_verdicts(&other);
	assert_int_equal(other, LOGIN_RIGHT);
	for (size_t i = 0; i < NETWORKS * GUESSES; i++) {
		busy_count += guesses[i] == LOGIN_BUSY;
		pending_count += guesses[i] == PENDING;
	}
	assert_true(busy_count > 0 && pending_count > PASSWORD_QUEUE_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_who_was_taken_out_of_the_file_is_not_remembered),
		T(test_an_old_password_is_not_remembered),
		T(test_of_who_is_remembered_the_new_file_tells),
		T(test_a_faulty_file_changes_nothing),
		T(test_guessing_holds_nobody_else_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
