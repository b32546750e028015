/* Hashes made by the tools an operator would use (mkpasswd, argon2, htpasswd), of the password "secret". */
#include "tests/check.h"

#include "lib/crypto/keyed_digest.h"
#include "lib/crypto/password.h"

static const char *const hashes[] = {
	"$y$j75$LcfGOAItTCeKnhsBu1GnJ.$2Msa4i8hUdIjUtxkRMNetwQHC32QUorz0oawsW7hPNA",
	"$2b$04$wnl5AEPFrHTJZF3QMb3TC.Hu0rmxFuFDUVKH1dm/xwXf/ij58EFo2",
	"$6$rounds=1000$XFNwVLNDjCUsuYA7$0V4sA1IZTupo.MzxdLgqSPBKwi."
	"s60jfNpdg76WMCPPAJodQ6gseY0xOCFHWdQTWIOVBCqEjujenvu7bvt5df1",
	"$5$rounds=1000$lRzSyyHjAgB2Kj7u$kZCc9EptOVSKGakaBTtkFRPmFNl39.z3PLrqc2zVTT6",
	"$argon2id$v=19$m=256,t=1,p=1$c2FsdHNhbHRzYWx0$K2xIpsDm0jOCN15sSmG11g",
	"$argon2i$v=19$m=256,t=1,p=1$c2FsdHNhbHRzYWx0$tuSJTWFNwHH0dstDG1s5/Q",
};

static void test_each_form_knows_its_password_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
		assert_true(password_hash_is_usable(hashes[i]));
		assert_true(password_matches(hashes[i], BYTES("secret")));
		assert_false(password_matches(hashes[i], BYTES("Secret")));
		assert_false(password_matches(hashes[i], BYTES("")));
		assert_false(password_matches(hashes[i], BYTES("secret\0")));
	}
}

static void test_what_is_no_safe_hash_is_told_before(void **state)
{
	static const char *const unusable[] = {
		"",
		"*",
		"!",
		"x",
		"secret",
		"abJnggxhB/yWI",
		"$1$salt$qJH7.N4xYta3aEG/dfqo/0",
		"$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ",
		"$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHRzYWx0$"
		"K2xIpsDm0jOCN15sSmG11g", /* 4 GiB */
		"$argon2id$v=19$m=99999999999,t=3,p=1$c2FsdHNhbHRzYWx0$"
		"K2xIpsDm0jOCN15sSmG11g",
		"$argon2id$v=19$m=256,t=1000,p=1$c2FsdHNhbHRzYWx0$"
		"K2xIpsDm0jOCN15sSmG11g",
		"$argon2id$v=19$t=1$m=256$c2FsdHNhbHRzYWx0$K2xIpsDm0jOCN15sSmG11g",
		"$6$rounds=999999999$saltsalt$"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaa", /* hours */
		"$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde",
		"$argon2d$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA",
	};
	(void)state;
	for (size_t i = 0; i < sizeof unusable / sizeof unusable[0]; i++)
		assert_false(password_hash_is_usable(unusable[i]));
	assert_false(password_matches("abJnggxhB/yWJ", BYTES("secret")));
	assert_false(password_matches("*0", BYTES("secret")));
}

static void test_a_digest_depends_on_key_and_text(void **state)
{
	uint8_t a[KEYED_DIGEST_SIZE] = {0}, b[KEYED_DIGEST_SIZE] = {0};
	struct bytes first = bytes_from(a, sizeof a), second = bytes_from(b, sizeof b);
	(void)state;
	keyed_digest(BYTES("key"), BYTES("The quick brown fox jumps over the lazy dog"), a);
	assert_int_equal(a[0], 0xf7); /* the example everybody gives for HMAC-SHA-256 */
	assert_int_equal(a[31], 0xd8);
	keyed_digest(BYTES("key"), BYTES("The quick brown fox jumps over the lazy dog"), b);
	assert_true(secret_is_equal(first, second));
	keyed_digest(BYTES("kez"), BYTES("The quick brown fox jumps over the lazy dog"), b);
	assert_false(secret_is_equal(first, second));
	assert_false(secret_is_equal(first, bytes_first(first, 31)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_form_knows_its_password_and_no_other),
		cmocka_unit_test(test_what_is_no_safe_hash_is_told_before),
		cmocka_unit_test(test_a_digest_depends_on_key_and_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
