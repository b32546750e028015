/* Tokens: ours are known again, with the message and the recipient; nothing else is, however near. */
#include "tests/check.h"

#include "lib/base/random.h"
#include "lib/returnpath/base32.h"
#include "lib/returnpath/token.h"

#include <stdlib.h>
#include <string.h>

#define DAY   ((int64_t)86400000)
#define TODAY (20000 * DAY + 5)

static const struct return_keys keys = {
	.items = {{.id = 2, .secret = {(const uint8_t *)"0123456789abcdef-new", 20}},
		  {.id = 1, .secret = {(const uint8_t *)"0123456789abcdef-old", 20}}},
	.count = 2,
};
static const struct return_keys old_key = {
	.items = {{.id = 1, .secret = {(const uint8_t *)"0123456789abcdef-old", 20}}},
	.count = 1,
};

static void make(const struct return_keys *with, int64_t wall_ms, char id[ID_SIZE],
		 char token[RETURN_TOKEN_SIZE])
{
	id_new(wall_ms, id);
	assert_int_equal(
		return_token_make(with, bytes_of(id), BYTES("a@there.test"), wall_ms, token), OK);
	assert_int_equal(strlen(token), RETURN_TOKEN_LEN);
}

static void test_a_token_tells_message_and_recipient(void **state)
{
	char id[ID_SIZE], token[RETURN_TOKEN_SIZE];
	struct return_token read;
	(void)state;
	for (int i = 0; i < 1000; i++) {
		make(&keys, TODAY, id, token);
		assert_int_equal(return_token_check(&keys, bytes_of(token), TODAY, 10, &read), OK);
		assert_string_equal(read.message_id, id);
		assert_int_equal(read.day_wall_ms, 20000 * DAY);
		assert_true(return_token_is_for(&keys, &read, BYTES("a@there.test")));
		assert_false(return_token_is_for(&keys, &read, BYTES("b@there.test")));
		assert_false(return_token_is_for(&keys, &read, BYTES_NONE));
	}
}

static void test_case_does_not_matter(void **state)
{
	char id[ID_SIZE], token[RETURN_TOKEN_SIZE];
	struct return_token read;
	(void)state;
	make(&keys, TODAY, id, token);
	for (char *c = token; *c; c++)
		if (*c >= 'a')
			*c = (char)(*c - ('a' - 'A'));
	assert_int_equal(return_token_check(&keys, bytes_of(token), TODAY, 10, &read), OK);
}

static void test_keys_follow_each_other(void **state)
{
	char id[ID_SIZE], token[RETURN_TOKEN_SIZE];
	struct return_token read;
	(void)state;
	make(&old_key, TODAY, id, token);
	assert_int_equal(return_token_check(&keys, bytes_of(token), TODAY, 10, &read), OK);
	assert_true(return_token_is_for(&keys, &read, BYTES("a@there.test")));
	make(&keys, TODAY, id, token);
	assert_int_equal(return_token_check(&old_key, bytes_of(token), TODAY, 10, &read),
			 E_REFUSED);
}

static void test_a_token_grows_old(void **state)
{
	static const struct {
		int64_t days;
		enum err err;
	} cases[] = {{0, OK}, {10, OK}, {11, E_TIMEOUT}, {-1, OK}, {-2, E_TIMEOUT}};
	char id[ID_SIZE], token[RETURN_TOKEN_SIZE];
	struct return_token read;
	(void)state;
	make(&keys, TODAY, id, token);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(return_token_check(&keys, bytes_of(token),
						    TODAY + cases[i].days * DAY, 10, &read),
				 cases[i].err);
}

static void test_no_character_can_be_changed(void **state)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	char id[ID_SIZE], token[RETURN_TOKEN_SIZE];
	struct return_token read;
	(void)state;
	make(&keys, TODAY, id, token);
	for (size_t at = 0; at < RETURN_TOKEN_LEN; at++) {
		char right = token[at];
		for (const char *c = alphabet; *c; c++) {
			token[at] = *c;
			enum err err =
				return_token_check(&keys, bytes_of(token), TODAY, 65535, &read);
			assert_int_equal(err == OK, *c == right);
		}
		token[at] = right;
	}
}

static void test_what_is_no_token(void **state)
{
	static const char *const bad[] = {
		"",
		"a",
		"bounce",
		"0000000000000000000000000000000000000000000000000000000",
		"000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000u",
		"0000000000000000000000000000000000000000000000000000000@"};
	struct return_token read;
	char out[RETURN_TOKEN_SIZE];
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(return_token_check(&keys, bytes_of(bad[i]), TODAY, 10, &read),
				 E_MALFORMED);
	assert_int_equal(return_token_make(&keys, BYTES("short"), BYTES("a@b"), TODAY, out),
			 E_MALFORMED);
	assert_int_equal(return_token_make(&keys, BYTES("80000000000000000000000000"), BYTES("a@b"),
					   TODAY, out),
			 E_MALFORMED);
}

static void test_ids_are_read_and_written(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char id[ID_SIZE], again[27];
		uint8_t raw[16];
		id_new((int64_t)(random_u64() >> 17), id);
		assert_true(base32_read_id(bytes_of(id), raw));
		base32_write_id(raw, again);
		assert_string_equal(again, id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_token_tells_message_and_recipient),
		cmocka_unit_test(test_case_does_not_matter),
		cmocka_unit_test(test_keys_follow_each_other),
		cmocka_unit_test(test_a_token_grows_old),
		cmocka_unit_test(test_no_character_can_be_changed),
		cmocka_unit_test(test_what_is_no_token),
		cmocka_unit_test(test_ids_are_read_and_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
