/* Digests: the value everybody else computes, and one for each way to cut a text in parts. */
#include "tests/check.h"

#include "lib/crypto/digest.h"

static void test_it_is_sha_256(void **state)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest = digest_of(BYTES("abc"));
	(void)state;
	digest_hex(&digest, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_hexadecimal_is_read_back_and_nothing_else(void **state)
{
	struct digest digest = digest_of(BYTES_NONE), again;
	char hex[DIGEST_HEX_SIZE];
	(void)state;
	digest_hex(&digest, hex);
	assert_true(digest_parse(bytes_of(hex), &again));
	assert_true(digest_equal(&digest, &again));
	again.bytes[31] ^= 1;
	assert_false(digest_equal(&digest, &again));
	assert_false(digest_parse(bytes_of(hex + 1), &again));
	hex[10] = 'g';
	assert_false(digest_parse(bytes_of(hex), &again));
}

static void test_parts_do_not_run_together(void **state)
{
	struct bytes one[] = {BYTES("ab"), BYTES("c")}, two[] = {BYTES("a"), BYTES("bc")};
	struct digest first = digest_of_parts(one, 2), second = digest_of_parts(two, 2);
	(void)state;
	assert_false(digest_equal(&first, &second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_sha_256),
		cmocka_unit_test(test_hexadecimal_is_read_back_and_nothing_else),
		cmocka_unit_test(test_parts_do_not_run_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
