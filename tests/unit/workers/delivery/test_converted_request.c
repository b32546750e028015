/* Requests whose mail is binary, or has 8 bits: in which form it goes to hosts of each kind, and that it is signed in that form. */
#include "tests/unit/workers/delivery/fixture_desk.h"

#include <stdio.h>

#define HEAD(domain) "From: n@" domain "\r\nMIME-Version: 1.0\r\nContent-Type: "
#define BINARY_PART  "application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
#define NULS	     "a\0b\r\n\0\r\n"
#define BARE	     "a\0b\nc\rd\r\n"
#define BARE_BASE64  "YQBiCmMNZA0K\r\n"
#define SETTINGS                                                                                   \
	"retry:\n  default: {first: 10s, factor: 2, max: 1h, jitter: 0%%, give_up: 1d}\n"          \
	"workers: {results_wait: 0s, binary: %s, eightbit: %s}\n"                                  \
	"dkim:\n  domains:\n    - {domain: a.example, keys: [{selector: s1, file: %s}]}\n"
#define CONTENT(text) bytes_from(text, sizeof(text) - 1)

static struct desk desk;

static void write_key(const char *path)
{
	struct signing_key *key = signing_key_generate(SIGNING_ED25519, 0);
	struct buf pem;
	buf_init(&pem, SIGNING_PEM_MAX);
	assert_int_equal(signing_key_write(key, &pem), OK);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(pem.data, 1, pem.len, file), pem.len);
	fclose(file);
	buf_done(&pem);
	signing_key_free(&key);
}

static int open_with(const char *binary, const char *eightbit)
{
	char settings[2000], path[DIRECTORY_SIZE + 10];
	memset(&desk, 0, sizeof desk);
	directory_make(desk.directory);
	(void)snprintf(path, sizeof path, "%s/key.pem", desk.directory);
	write_key(path);
	(void)snprintf(settings, sizeof settings, SETTINGS, binary, eightbit, path);
	desk_open(&desk, settings);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return open_with("safe", "convert");
}

static int setup_sending(void **state)
{
	(void)state;
	return open_with("send", "convert");
}

static int setup_converting(void **state)
{
	(void)state;
	return open_with("convert", "bounce");
}

static int teardown(void **state)
{
	(void)state;
	desk_close(&desk);
	directory_remove(desk.directory);
	return 0;
}

static struct lease *deliver(struct bytes content, const char *const *recipients)
{
	world.binary = content;
	world.has_bare_line_ends = memmem(content.data, content.len, "b\nc", 3);
	world.is_eightbit = true;
	world.sent_count = 0;
	struct lease *lease = desk_take(&desk, recipients);
	for (int turn = 0; turn < 100 && lease->settled == HELD; turn++)
		world_turn(20); /* threads have a part in it */
	assert_int_equal(lease->settled, ACKED);
	return lease;
}

static bool was_signed(void)
{
	return strncmp(world.last_head, "DKIM-Signature:", 15) == 0;
}

static void assert_sent_as_given(struct bytes content, bool is_signed)
{
	assert_string_equal(world_events("ok@x.example"), "delivered");
	assert_true(bytes_equal(world.last_content, content));
	assert_true(world.last_was_binary && world.last_was_eightbit);
	assert_int_equal(world.sent_count, 1);
	assert_int_equal(was_signed(), is_signed);
}

static void assert_sent_in_lines(const char *part, size_t sent_count)
{
	assert_string_equal(world_events("ok@x.example"), "delivered");
	assert_false(world.last_was_binary);
	assert_non_null(
		memmem(world.last_content.data, world.last_content.len, part, strlen(part)));
	assert_int_equal(world.sent_count, sent_count);
}

/* ---- hosts that take it ---- */

static void test_unsigned_mail_goes_as_it_came(void **state)
{
	(void)state;
	struct bytes content = CONTENT(HEAD("o.example") BINARY_PART BARE);
	(void)deliver(content, TO("ok@x.example"));
	assert_sent_as_given(content, false);
}

static void test_what_every_verifier_reads_alike_goes_as_it_came_with_a_signature(void **state)
{
	(void)state;
	struct bytes content = CONTENT(HEAD("a.example") BINARY_PART NULS);
	(void)deliver(content, TO("ok@x.example"));
	assert_sent_as_given(content, true);
}

static void test_bare_line_ends_are_not_signed_but_written_again(void **state)
{
	(void)state;
	(void)deliver(CONTENT(HEAD("a.example") BINARY_PART BARE), TO("ok@x.example"));
	assert_sent_in_lines("base64\r\n\r\n" BARE_BASE64, 1);
	assert_true(was_signed());
	assert_false(world.last_was_eightbit);
}

static void test_what_others_signed_goes_as_it_came_or_not_at_all(void **state)
{
	(void)state;
	struct bytes content =
		CONTENT(HEAD("a.example") "multipart/signed; boundary=b\r\n\r\n--b\r\n"
					  "Content-Type: " BINARY_PART BARE "\r\n--b--\r\n");
	(void)deliver(content, TO("ok@x.example"));
	assert_sent_as_given(content, true);
	world.lacks_binarymime = true;
	(void)deliver(content, TO("ok@y.example"));
	struct result result = world_result("ok@y.example");
	assert_int_equal(result.event, RESULT_BOUNCED);
	assert_true(bytes_is(result.enhanced, "5.6.3") && bytes_is(result.step, "body"));
}

static void test_it_goes_as_it_came_in_any_case(void **state)
{
	(void)state;
	struct bytes content = CONTENT(HEAD("a.example") BINARY_PART BARE);
	(void)deliver(content, TO("ok@x.example"));
	assert_sent_as_given(content, true);
}

static void test_nothing_binary_goes(void **state)
{
	(void)state;
	(void)deliver(CONTENT(HEAD("o.example") BINARY_PART BARE), TO("ok@x.example"));
	assert_sent_in_lines("base64\r\n\r\n" BARE_BASE64, 1);
}

/* ---- hosts that do not ---- */

static void test_a_host_without_binarymime_gets_lines_in_the_same_attempt(void **state)
{
	(void)state;
	world.lacks_binarymime = world.lacks_eightbitmime = true;
	(void)deliver(CONTENT(HEAD("a.example") BINARY_PART NULS), TO("ok@x.example"));
	assert_sent_in_lines("base64\r\n\r\nYQBiDQoADQo=\r\n", 2);
	assert_true(was_signed());
	assert_int_equal(world_result("ok@x.example").attempt, 1);
	assert_false(world.last_was_eightbit); /* nothing of it is left */
}

#define BOTH                                                                                       \
	HEAD("o.example")                                                                          \
	"multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"    \
	"\r\n\xc3\xa4\r\n--b\r\nContent-Type: " BINARY_PART BARE "\r\n--b--\r\n"

static void test_text_of_8_bits_is_written_again_for_hosts_of_7_only(void **state)
{
	(void)state;
	world.lacks_binarymime = true;
	(void)deliver(CONTENT(BOTH), TO("ok@x.example"));
	assert_sent_in_lines("\r\n\r\n\xc3\xa4\r\n--b", 2);
	assert_true(world.last_was_eightbit);
	world.lacks_eightbitmime = true;
	(void)deliver(CONTENT(BOTH), TO("ok@y.example"));
	assert_int_equal(world.sent_count, 3);
	assert_true(bytes_is_ascii(world.last_content));
	assert_string_equal(world_events("ok@y.example"), "delivered");
}

static void test_text_of_8_bits_is_bounced_where_that_is_wished(void **state)
{
	(void)state;
	world.lacks_eightbitmime = true;
	(void)deliver(CONTENT(BOTH), TO("ok@x.example"));
	struct result result = world_result("ok@x.example");
	assert_int_equal(result.event, RESULT_BOUNCED);
	assert_true(bytes_is(result.enhanced, "5.6.3"));
}

static void test_a_host_that_does_not_know_bdat_gets_lines_by_data(void **state)
{
	(void)state;
	world.knows_no_bdat = true;
	(void)deliver(CONTENT(HEAD("a.example") BINARY_PART NULS), TO("ok@x.example"));
	assert_sent_in_lines("base64", 2);
	assert_string_equal(world_events("ok@x.example"), "delivered");
}

/* ---- large mail, on threads ---- */

static struct bytes large_mail(const char *domain)
{
	static char text[300000];
	int len = snprintf(text, sizeof text, HEAD("%s") BINARY_PART, domain);
	memset(text + len, 'x', sizeof text - (size_t)len);
	memcpy(text + len, "b\nc", 3);
	return bytes_from(text, sizeof text);
}

static void test_large_mail_is_written_once_for_all_who_get_the_same(void **state)
{
	(void)state;
	world.lacks_binarymime = true;
	(void)deliver(large_mail("a.example"), TO("ok@x.example", "ok@y.example", "ok@z.example"));
	assert_int_equal(world.sent_count, 3);
	assert_int_equal(world.head_count, 1);
	assert_true(was_signed() && !world.last_was_binary);
	(void)deliver(large_mail("o.example"), TO("ok@v.example", "ok@w.example"));
	assert_int_equal(world.sent_count, 4);
	assert_string_equal(world_events("ok@v.example"), "delivered");
	assert_string_equal(world_events("ok@w.example"), "delivered");
}

static void test_a_lease_that_is_lost_while_its_mail_is_written_is_let_go(void **state)
{
	(void)state;
	world.binary = large_mail("a.example");
	world.has_bare_line_ends = true;
	struct lease *lease = desk_take(&desk, TO("ok@x.example"));
	lease->is_lost = true;
	requests_review(desk.requests);
	for (int turn = 0; turn < 100 && requests_count(desk.requests) > 0; turn++)
		world_turn(20);
	assert_int_equal(requests_count(desk.requests), 0);
}

static void test_sessions_that_end_meanwhile_cost_nothing(void **state)
{
	(void)state;
	world.binary = large_mail("a.example");
	world.has_bare_line_ends = true;
	struct lease *lease = desk_take(&desk, TO("ok@x.example", "ok@y.example"));
	for (int turn = 0; turn < 200 && lease->settled == HELD; turn++) {
		world_hang_up();
		world_turn(turn < 10 ? 1 : 20);
	}
	assert_string_equal(world_events("ok@x.example"), "delivered");
	assert_string_equal(world_events("ok@y.example"), "delivered");
}

static void test_all_may_end_at_any_moment(void **state)
{
	(void)state;
	world.binary = large_mail("a.example");
	world.has_bare_line_ends = true;
	for (int i = 0; i < 5; i++)
		(void)desk_take(&desk, TO("ok@x.example", "ok@y.example"));
	world_turn(1);
}

int main(void)
{
#define TEST_WITH(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, teardown)
#define TEST(name)		TEST_WITH(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_unsigned_mail_goes_as_it_came),
		TEST(test_what_every_verifier_reads_alike_goes_as_it_came_with_a_signature),
		TEST(test_bare_line_ends_are_not_signed_but_written_again),
		TEST(test_what_others_signed_goes_as_it_came_or_not_at_all),
		TEST_WITH(test_it_goes_as_it_came_in_any_case, setup_sending),
		TEST_WITH(test_nothing_binary_goes, setup_converting),
		TEST(test_a_host_without_binarymime_gets_lines_in_the_same_attempt),
		TEST(test_text_of_8_bits_is_written_again_for_hosts_of_7_only),
		TEST_WITH(test_text_of_8_bits_is_bounced_where_that_is_wished, setup_converting),
		TEST(test_a_host_that_does_not_know_bdat_gets_lines_by_data),
		TEST(test_large_mail_is_written_once_for_all_who_get_the_same),
		TEST(test_a_lease_that_is_lost_while_its_mail_is_written_is_let_go),
		TEST(test_sessions_that_end_meanwhile_cost_nothing),
		TEST(test_all_may_end_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
