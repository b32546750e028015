/* Logins that are remembered: by name and password, for a while. */
#include "tests/check.h"

#include "ingest/login_memory.h"

static struct credentials *user(const char *name)
{
	struct credentials *credentials = NULL;
	struct credential_facts facts = {.name = bytes_of(name), .tenant = BYTES("acme")};
	struct why why;
	assert_int_equal(credentials_of_one(&facts, &credentials, &why), OK);
	return credentials;
}

static struct login_print print_of(const struct login_memory *memory, const char *ip,
				   const char *name, const char *hash, const char *password)
{
	struct net_address client;
	assert_true(net_address_parse(ip, 25, &client));
	const struct login_proof proof = {&client, bytes_of(name), bytes_of(password), hash};
	return login_memory_print(memory, &proof);
}

static void test_only_the_same_login_is_known(void **state)
{
	struct login_memory *memory = login_memory_new();
	struct credentials *ada = user("ada");
	const struct credential *known = NULL;
	struct login_print right = print_of(memory, "192.0.2.1", "ada", "hash", "secret");
	const struct login_print others[] = {
		print_of(memory, "192.0.2.1", "ada", "hash", "Secret"),
		print_of(memory, "192.0.2.1", "ada", "hashs", "ecret"),
		print_of(memory, "192.0.2.1", "adah", "ash", "secret"),
		print_of(memory, "192.0.2.1", "ada", "other", "secret"),
		print_of(memory, "192.0.2.2", "ada", "hash", "secret"),
	};
	(void)state;
	login_memory_keep(memory, &right, credentials_only(ada), 5000);
	credentials_unref(&ada); /* the memory holds it */
	struct login_print again = print_of(memory, "192.0.2.1", "ada", "hash", "secret");
	assert_true(login_memory_find(memory, &again, 4999, &known));
	assert_string_equal(known->name, "ada");
	assert_string_equal(known->tenant, "acme");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(login_memory_find(memory, &others[i], 2000, &known));
	assert_false(login_memory_find(memory, &right, 5000, &known));
	login_memory_free(&memory);
}

static void test_a_login_that_is_kept_again_is_the_newer_one(void **state)
{
	struct login_memory *memory = login_memory_new();
	struct credentials *old = user("ada"), *new = user("ada");
	const struct credential *known = NULL;
	struct login_print print = print_of(memory, "2001:db8::1", "ada", "", "x");
	(void)state;
	login_memory_keep(memory, &print, credentials_only(old), 1000);
	login_memory_keep(memory, &print, credentials_only(new), 2000);
	assert_true(login_memory_find(memory, &print, 1999, &known));
	assert_ptr_equal(known, credentials_only(new));
	login_memory_keep(memory, &print, NULL, 2000); /* somebody else knows whose it is */
	assert_true(login_memory_find(memory, &print, 1999, &known));
	assert_null(known);
	login_memory_clear(memory);
	assert_false(login_memory_find(memory, &print, 1000, &known));
	credentials_unref(&old);
	credentials_unref(&new);
	login_memory_free(&memory);
}

static void test_users_of_others_are_held_to_the_rules_of_the_file(void **state)
{
	struct bytes domains[] = {BYTES("Example.COM"), BYTES("*.b.example")};
	struct bytes bad[] = {BYTES("no domain")};
	struct credential_facts facts = {BYTES("ada"), BYTES("t"), BYTES("p"), domains, 2};
	struct credentials *credentials = NULL;
	struct why why;
	(void)state;
	assert_int_equal(credentials_of_one(&facts, &credentials, &why), OK);
	const struct credential *ada = credentials_only(credentials);
	assert_true(credential_may_send_as(ada, "example.com"));
	assert_true(credential_may_send_as(ada, "x.b.example"));
	assert_false(credential_may_send_as(ada, "b.example"));
	credentials_unref(&credentials);
	facts.domains = bad;
	facts.domain_count = 1;
	assert_int_equal(credentials_of_one(&facts, &credentials, &why), E_MALFORMED);
	facts = (struct credential_facts){.name = BYTES("")};
	assert_int_equal(credentials_of_one(&facts, &credentials, &why), E_MALFORMED);
	facts = (struct credential_facts){.name = BYTES("a"), .pool = BYTES("a\nb")};
	assert_int_equal(credentials_of_one(&facts, &credentials, &why), E_MALFORMED);
	assert_null(credentials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_same_login_is_known),
		cmocka_unit_test(test_a_login_that_is_kept_again_is_the_newer_one),
		cmocka_unit_test(test_users_of_others_are_held_to_the_rules_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
