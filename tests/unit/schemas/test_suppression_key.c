/* Keys of suppressions: one for each tenant, stream and address, and never too long for the store. */
#include "fixture_schemas.h"

#include <string.h>

#include "schemas/schemas.h"

static void test_the_parts_stay_apart(void **state)
{
	uint8_t key[SUPPRESSION_KEY_MAX], other[SUPPRESSION_KEY_MAX];
	(void)state;
	size_t len = suppression_key(BYTES("shop"), BYTES("news"), BYTES("a@b"), key);
	assert_true(bytes_equal(bytes_from(key, len), BYTES("shop\0news\0a@b")));
	len = suppression_key(BYTES_NONE, BYTES_NONE, BYTES("a@b"), key);
	assert_true(bytes_equal(bytes_from(key, len), BYTES("\0\0a@b")));
	size_t other_len = suppression_key(BYTES("a@b"), BYTES_NONE, BYTES_NONE, other);
	assert_false(bytes_equal(bytes_from(key, len), bytes_from(other, other_len)));
}

static void test_a_long_key_is_hashed_and_stays_its_own(void **state)
{
	char tenant[255], stream[255];
	uint8_t first[SUPPRESSION_KEY_MAX], second[SUPPRESSION_KEY_MAX];
	(void)state;
	memset(tenant, 't', sizeof tenant);
	memset(stream, 's', sizeof stream);
	struct bytes t = bytes_from(tenant, 255), s = bytes_from(stream, 254);
	assert_int_equal(suppression_key(t, s, BYTES_NONE, first), SUPPRESSION_KEY_MAX);
	assert_int_equal(first[0], 't');
	assert_int_equal(suppression_key(t, s, BYTES("a"), first), 33);
	assert_int_equal(first[0], 0xff);
	assert_int_equal(suppression_key(t, s, BYTES("b"), second), 33);
	assert_memory_not_equal(first, second, 33);
	assert_int_equal(suppression_key(t, s, BYTES("a"), second), 33);
	assert_memory_equal(first, second, 33);
}

static void test_directives_have_keys_by_kind_tenant_and_campaign(void **state)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	(void)state;
	struct directive d = {.kind = DIRECTIVE_RECALL,
			      .tenant = BYTES("shop"),
			      .campaign = BYTES("spring"),
			      .by = BYTES("me"),
			      .until_wall_ms = 5};
	size_t len = directive_key(&d, key);
	assert_true(bytes_equal(bytes_from(key, len), BYTES("4\0shop\0spring")));
}

static void assert_owner(const struct suppression *entry, bool is_told)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct bytes tenant, stream;
	size_t len = suppression_entry_key(entry, key);
	assert_int_equal(suppression_key_owner(bytes_from(key, len), &tenant, &stream), is_told);
	if (is_told) {
		assert_true(bytes_equal(tenant, entry->tenant));
		assert_true(bytes_equal(stream, entry->stream));
	}
}

static void test_a_key_tells_whose_it_is(void **state)
{
	static char digest[] = SUPPRESSION_DIGEST_PREFIX
		"00000000000000000000000000000000000000000000000000000000000000ff";
	static char long_name[600];
	struct suppression entry = {.address = BYTES("a@b")};
	struct bytes ignored;
	(void)state;
	assert_owner(&entry, true);
	entry.tenant = BYTES("shop");
	entry.is_held = true;
	assert_owner(&entry, true);
	entry.stream = BYTES("news");
	entry.address = bytes_of(digest);
	assert_owner(&entry, true);
	memset(long_name, 'n', sizeof long_name - 1);
	entry.tenant = bytes_of(long_name);
	assert_owner(&entry, false);
	assert_false(suppression_key_owner(BYTES("no parts"), &ignored, &ignored));
	assert_false(suppression_key_owner(BYTES_NONE, &ignored, &ignored));
	assert_false(suppression_key_owner(bytes_from("\x02", 1), &ignored, &ignored));
	assert_false(suppression_key_owner(bytes_from("one\0", 4), &ignored, &ignored));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_tells_whose_it_is),
		cmocka_unit_test(test_the_parts_stay_apart),
		cmocka_unit_test(test_a_long_key_is_hashed_and_stays_its_own),
		cmocka_unit_test(test_directives_have_keys_by_kind_tenant_and_campaign),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
