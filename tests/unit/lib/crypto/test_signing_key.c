/* Keys: what is read, what is refused, and that a signature is what the algorithm says. */
#include "tests/check.h"

#include <string.h>

#include "lib/crypto/verifying_key.h"

static struct signing_key *again(struct signing_key *key)
{
	struct signing_key *copy = NULL;
	struct buf pem;
	struct why why = {""};
	buf_init(&pem, SIGNING_PEM_MAX);
	assert_int_equal(signing_key_write(key, &pem), OK);
	assert_non_null(strstr((const char *)buf_bytes(&pem).data, "-----BEGIN PRIVATE KEY-----"));
	assert_int_equal(signing_key_read(buf_bytes(&pem), &copy, &why), OK);
	buf_done(&pem);
	return copy;
}

/* Both kinds are deterministic, so a key that was written and read again signs the same. */
static void test_a_key_is_written_and_read_again(void **state)
{
	static const enum signing_kind kinds[] = {SIGNING_RSA, SIGNING_ED25519};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct signing_key *key = signing_key_generate(kinds[i], 2048);
		struct signing_key *copy = again(key);
		struct digest digest = digest_of(BYTES("something"));
		uint8_t one[SIGNATURE_MAX], two[SIGNATURE_MAX], three[SIGNATURE_MAX];
		size_t len = 0, other_len = 0;
		assert_int_equal(signing_key_kind(copy), kinds[i]);
		assert_int_equal(signing_key_sign(key, &digest, one, &len), OK);
		assert_int_equal(signing_key_sign(key, &digest, two, &len), OK);
		assert_int_equal(signing_key_sign(copy, &digest, three, &other_len), OK);
		assert_int_equal(len, kinds[i] == SIGNING_RSA ? 256 : 64);
		assert_int_equal(len, other_len);
		assert_memory_equal(one, two, len);
		assert_memory_equal(one, three, len);
		digest.bytes[0] ^= 1;
		assert_int_equal(signing_key_sign(key, &digest, two, &len), OK);
		assert_memory_not_equal(one, two, len);
		signing_key_free(&key);
		signing_key_free(&copy);
	}
}

static void test_what_one_key_signs_its_public_half_verifies(void **state)
{
	static const enum signing_kind kinds[] = {SIGNING_RSA, SIGNING_ED25519};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct signing_key *key = signing_key_generate(kinds[i], 1024);
		struct verifying_key *half = NULL;
		struct digest digest = digest_of(BYTES("something"));
		uint8_t public[SIGNING_PUBLIC_MAX], signature[SIGNATURE_MAX];
		size_t len = 0;
		size_t public_len = signing_key_public(key, public);
		assert_int_equal(signing_key_sign(key, &digest, signature, &len), OK);
		assert_int_equal(
			verifying_key_read(kinds[i], bytes_from(public, public_len), &half), OK);
		assert_true(verifying_key_is_good(half, &digest, bytes_from(signature, len)));
		assert_false(verifying_key_is_good(half, &digest, bytes_from(signature, len - 1)));
		assert_false(verifying_key_is_good(half, &digest, BYTES_NONE));
		digest.bytes[0] ^= 1;
		assert_false(verifying_key_is_good(half, &digest, bytes_from(signature, len)));
		verifying_key_free(&half);
		assert_int_equal(
			verifying_key_read(kinds[1 - i], bytes_from(public, public_len), &half),
			E_MALFORMED);
		signing_key_free(&key);
	}
}

static void test_lengths(void **state)
{
	uint8_t public[SIGNING_PUBLIC_MAX];
	struct signing_key *rsa = signing_key_generate(SIGNING_RSA, 1024);
	struct signing_key *ed25519 = signing_key_generate(SIGNING_ED25519, 0);
	(void)state;
	assert_int_equal(signing_key_bits(rsa), 1024);
	assert_true(signing_key_public(rsa, public) > 128);
	assert_int_equal(signing_key_public(ed25519, public), 32);
	signing_key_free(&rsa);
	signing_key_free(&ed25519);
	signing_key_free(&rsa);
}

static void test_short_rsa_keys_are_refused(void **state)
{
	struct signing_key *key = signing_key_generate(SIGNING_RSA, 1016), *copy = NULL;
	struct buf pem;
	struct why why = {""};
	(void)state;
	buf_init(&pem, SIGNING_PEM_MAX);
	assert_int_equal(signing_key_write(key, &pem), OK);
	assert_int_equal(signing_key_read(buf_bytes(&pem), &copy, &why), E_REFUSED);
	assert_non_null(strstr(why.text, "1016 bits"));
	assert_null(copy);
	buf_done(&pem);
	signing_key_free(&key);
}

/* openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 */
#define EC_KEY                                                                                     \
	"-----BEGIN PRIVATE KEY-----\n"                                                            \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWm5Aap0PrzLtgJa5\n"                       \
	"H8Ff6NWDsA4WEHJeoO2cGZRSlyihRANCAARMzfx4pCdwQ6rXiXI3mj28Lx/bYJPR\n"                       \
	"lHiCQ2ZOYFjKyIgFeu9zefIYcubNBkfUT/NtM1IF9X1AUcZ/2aieM3xH\n"                               \
	"-----END PRIVATE KEY-----\n"

static void test_what_is_no_usable_key_is_malformed(void **state)
{
	static const char *const texts[] = {
		"",
		"hello",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PUBLIC "
		"KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
		"-----END PUBLIC KEY-----\n",
		EC_KEY,
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct signing_key *key = NULL;
		struct why why = {""};
		assert_int_equal(signing_key_read(bytes_of(texts[i]), &key, &why), E_MALFORMED);
		assert_true(why.text[0] != '\0');
		assert_null(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_is_written_and_read_again),
		cmocka_unit_test(test_what_one_key_signs_its_public_half_verifies),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_short_rsa_keys_are_refused),
		cmocka_unit_test(test_what_is_no_usable_key_is_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
