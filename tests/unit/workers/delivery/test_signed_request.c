/* Requests whose mail is signed on the way out: by whom, once for all who get the same bytes, and what becomes of those that cannot be. */
#include "tests/unit/workers/delivery/fixture_desk.h"

#include <stdio.h>

#define FROM(address) "From: " address "\r\nSubject: x\r\n\r\nhello\r\n"
#define SETTINGS                                                                                   \
	"retry:\n  default: {first: 10s, factor: 2, max: 1h, jitter: 0%%, give_up: 1d}\n"          \
	"workers: {results_wait: 0s}\n"                                                            \
	"dkim:\n  required: %s\n  domains:\n"                                                      \
	"    - {domain: a.example, signs: subdomains, keys: [{selector: s1, file: %s}]}\n"

static struct desk desk;
static char key_path[DIRECTORY_SIZE + 10];

static void write_key(void)
{
	struct signing_key *key = signing_key_generate(SIGNING_ED25519, 0);
	struct buf pem;
	buf_init(&pem, SIGNING_PEM_MAX);
	assert_int_equal(signing_key_write(key, &pem), OK);
	(void)snprintf(key_path, sizeof key_path, "%s/key.pem", desk.directory);
	FILE *file = fopen(key_path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(pem.data, 1, pem.len, file), pem.len);
	fclose(file);
	buf_done(&pem);
	signing_key_free(&key);
}

static int open_with(const char *required)
{
	char settings[2000];
	memset(&desk, 0, sizeof desk);
	directory_make(desk.directory);
	write_key();
	(void)snprintf(settings, sizeof settings, SETTINGS, required, key_path);
	desk_open(&desk, settings);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return open_with("no");
}

static int setup_required(void **state)
{
	(void)state;
	return open_with("yes");
}

static int teardown(void **state)
{
	(void)state;
	desk_close(&desk);
	directory_remove(desk.directory);
	return 0;
}

static struct lease *take(const char *content, const char *const *recipients)
{
	world.content = content;
	return desk_take(&desk, recipients);
}

static void assert_signed_by(const char *domain)
{
	char tag[100];
	(void)snprintf(tag, sizeof tag, "d=%s; s=s1;", domain);
	assert_memory_equal(world.last_head, "DKIM-Signature: v=1; a=ed25519-sha256;", 38);
	assert_non_null(strstr(world.last_head, tag));
}

static void test_all_who_get_the_same_bytes_share_one_signature(void **state)
{
	(void)state;
	struct lease *lease =
		take(FROM("n@a.example"), TO("ok@x.example", "ok@y.example", "ok@z.example"));
	world_turn(100);
	assert_int_equal(world.sent_count, 3);
	assert_int_equal(world.head_count, 1);
	assert_signed_by("a.example");
	assert_int_equal(lease->settled, ACKED);
	assert_string_equal(world_events("ok@y.example"), "delivered");
}

static void test_a_domain_above_signs_and_others_do_not(void **state)
{
	(void)state;
	(void)take(FROM("X <n@news.a.example>"), TO("ok@x.example"));
	world_turn(100);
	assert_signed_by("a.example");
	static const char *const unsigned_mail[] = {
		FROM("n@other.example"),
		FROM("n@xa.example"),
		FROM("nobody"),
		"Subject: no From\r\n\r\n",
		"From: n@a.example\r\n" FROM("n@a.example"),
		"From: n@a.example\r\nno field\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof unsigned_mail / sizeof *unsigned_mail; i++) {
		(void)take(unsigned_mail[i], TO("ok@x.example"));
		world_turn(30);
		assert_int_equal(world.sent_count, i + 2);
		assert_string_equal(world.last_head, "");
	}
}

static void test_where_a_signature_is_required_mail_without_waits_or_bounces(void **state)
{
	(void)state;
	struct lease *lease = take(FROM("n@other.example"), TO("ok@x.example", "ok@y.example"));
	world_turn(30);
	struct result result = world_result("ok@x.example");
	assert_int_equal(result.event, RESULT_DEFERRED);
	assert_int_equal(result.code, 451);
	assert_true(bytes_is(result.step, "dkim"));
	assert_string_equal(world_events("ok@y.example"), "deferred");
	assert_int_equal(lease->settled, ACKED);
	assert_int_equal(world_retry_count(), 1);

	(void)take("From: n@a.example\r\n" FROM("n@a.example"),
		   TO("ok@z.example", "ok2@z.example"));
	world_turn(100);
	result = world_result("ok@z.example");
	assert_int_equal(result.event, RESULT_BOUNCED);
	assert_int_equal(result.code, 554);
	assert_string_equal(world_events("ok2@z.example"), "bounced");
	assert_int_equal(world.sent_count, 0);

	(void)take(FROM("n@a.example"), TO("ok@v.example"));
	for (int turn = 0; turn < 100 && !*world_events("ok@v.example"); turn++)
		world_turn(50); /* a thread signs it */
	assert_string_equal(world_events("ok@v.example"), "delivered");
}

static void test_a_second_try_sends_the_same_signature(void **state)
{
	(void)state;
	world.dies_in_use = true;
	for (int i = 0; i < 3; i++) {
		(void)take(FROM("n@a.example"), TO("ok@x.example"));
		world_turn(100);
	}
	assert_true(world.sent_count > 3);
	assert_signed_by("a.example");
	assert_string_equal(world_events("ok@x.example"), "delivered delivered delivered");
}

/* Ten sessions come and go while what they wait for is being signed. */
static void test_sessions_that_end_meanwhile_cost_nothing(void **state)
{
	(void)state;
	struct lease *lease = take(FROM("n@a.example"), TO("ok@x.example", "ok@y.example"));
	for (int i = 0; i < 10; i++) {
		world_hang_up();
		world_turn(1);
	}
	world_turn(300);
	assert_int_equal(lease->settled, ACKED);
	assert_string_equal(world_events("ok@x.example"), "delivered");
	assert_string_equal(world_events("ok@y.example"), "delivered");
}

static void test_a_lease_that_is_lost_while_its_mail_is_signed_is_let_go(void **state)
{
	(void)state;
	struct lease *lease = take(FROM("n@a.example"), TO("ok@y.example"));
	lease->is_lost = true;
	requests_review(desk.requests);
	world_turn(100);
	assert_int_equal(requests_count(desk.requests), 0);
}

static void test_all_may_end_at_any_moment(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		(void)take(FROM("n@a.example"), TO("ok@x.example", "ok@y.example"));
	world_turn(1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_all_who_get_the_same_bytes_share_one_signature),
		TEST(test_a_domain_above_signs_and_others_do_not),
		cmocka_unit_test_setup_teardown(
			test_where_a_signature_is_required_mail_without_waits_or_bounces,
			setup_required, teardown),
		TEST(test_a_second_try_sends_the_same_signature),
		TEST(test_sessions_that_end_meanwhile_cost_nothing),
		TEST(test_a_lease_that_is_lost_while_its_mail_is_signed_is_let_go),
		TEST(test_all_may_end_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
