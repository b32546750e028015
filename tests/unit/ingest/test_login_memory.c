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

static void test_only_the_same_name_and_password_are_known(void **state)
{
	struct login_memory *memory = login_memory_new();
	struct credentials *ada = user("ada");
	struct login_print right = login_memory_print(memory, BYTES("ada"), BYTES("secret"));
	(void)state;
	login_memory_keep(memory, &right, credentials_only(ada), 1000);
	credentials_unref(&ada); /* the memory holds it */
	struct login_print again = login_memory_print(memory, BYTES("ada"), BYTES("secret"));
	const struct credential *known = login_memory_find(memory, &again, 2000);
	assert_non_null(known);
	assert_string_equal(known->name, "ada");
	assert_string_equal(known->tenant, "acme");
	struct login_print other = login_memory_print(memory, BYTES("ada"), BYTES("Secret"));
	assert_null(login_memory_find(memory, &other, 2000));
	other = login_memory_print(memory, BYTES("adasecret"), BYTES(""));
	assert_null(login_memory_find(memory, &other, 2000));
	assert_null(login_memory_find(memory, &right, 1000 + LOGIN_MEMORY_MS));
	login_memory_free(&memory);
}

static void test_a_login_that_is_kept_again_is_the_newer_one(void **state)
{
	struct login_memory *memory = login_memory_new();
	struct credentials *old = user("ada"), *new = user("ada");
	struct login_print print = login_memory_print(memory, BYTES("ada"), BYTES("x"));
	(void)state;
	login_memory_keep(memory, &print, credentials_only(old), 1000);
	login_memory_keep(memory, &print, credentials_only(new), 2000);
	assert_ptr_equal(login_memory_find(memory, &print, 1000 + LOGIN_MEMORY_MS),
			 credentials_only(new));
	login_memory_clear(memory);
	assert_null(login_memory_find(memory, &print, 2000));
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
		cmocka_unit_test(test_only_the_same_name_and_password_are_known),
		cmocka_unit_test(test_a_login_that_is_kept_again_is_the_newer_one),
		cmocka_unit_test(test_users_of_others_are_held_to_the_rules_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
