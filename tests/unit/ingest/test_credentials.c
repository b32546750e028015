/* The file of those who may log in: what is taken, and what is refused as a whole. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/credentials.h"

#define HASH "$5$rounds=1000$lRzSyyHjAgB2Kj7u$kZCc9EptOVSKGakaBTtkFRPmFNl39.z3PLrqc2zVTT6"

static void test_lines_are_users(void **state)
{
	struct credentials *credentials = NULL;
	struct why why;
	(void)state;
	assert_int_equal(
		credentials_parse(BYTES("# users\n\n"
					"shop:" HASH "\n"
					"crm:" HASH ":acme:bulk:Example.COM, *.news.example\r\n"
					"t:" HASH ":ten\xc3\xa4nt:"),
				  &credentials, &why),
		OK);
	assert_int_equal(credentials_count(credentials), 3);
	const struct credential *shop = credentials_find(credentials, BYTES("shop"));
	const struct credential *crm = credentials_find(credentials, BYTES("crm"));
	assert_string_equal(shop->hash, HASH);
	assert_string_equal(shop->tenant, "");
	assert_true(credential_may_send_as(shop, "any.example"));
	assert_string_equal(crm->tenant, "acme");
	assert_string_equal(crm->pool, "bulk");
	assert_true(credential_may_send_as(crm, "example.com"));
	assert_true(credential_may_send_as(crm, "a.news.example"));
	assert_true(credential_may_send_as(crm, ""));
	assert_false(credential_may_send_as(crm, "news.example"));
	assert_false(credential_may_send_as(crm, "evilnews.example"));
	assert_false(credential_may_send_as(crm, "a.example.com"));
	assert_null(credentials_find(credentials, BYTES("Shop")));
	assert_null(credentials_find(credentials, BYTES("")));
	assert_non_null(credentials_decoy(credentials, BYTES("nobody")));
	assert_ptr_equal(credentials_decoy(credentials, BYTES("nobody")),
			 credentials_decoy(credentials, BYTES("nobody")));
	credentials_unref(&credentials);
}

static void test_a_fault_is_told_with_its_line_and_nothing_is_taken(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"a:" HASH "\nb\n", "line 2: not a hash"},
		{"a:secret\n", "line 1: not a hash"},
		{":" HASH "\n", "line 1: not a name"},
		{"a\tb:" HASH "\n", "line 1: not a name"},
		{"a:" HASH "\n\na:" HASH "\n", "line 3: a name that is there already"},
		{"a:" HASH ":t:p:no domain\n", "line 1: a domain that is none"},
		{"a:" HASH ":t:p:x.example:more\n", "line 1: more than five fields"},
		{"a:" HASH ":t\x01\n", "line 1: not a tenant"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct credentials *credentials = NULL;
		struct why why = {""};
		assert_int_equal(credentials_parse(bytes_of(cases[i].text), &credentials, &why),
				 E_MALFORMED);
		assert_null(credentials);
		assert_memory_equal(why.text, cases[i].fault, strlen(cases[i].fault));
	}
}

static void test_an_empty_file_lets_nobody_in(void **state)
{
	struct credentials *credentials = NULL;
	struct why why;
	(void)state;
	assert_int_equal(credentials_parse(BYTES_NONE, &credentials, &why), OK);
	assert_null(credentials_find(credentials, BYTES("a")));
	assert_null(credentials_decoy(credentials, BYTES("a")));
	credentials_unref(&credentials);
	assert_int_equal(credentials_read("/no/such/file", &credentials, &why), E_IO);
	assert_non_null(strstr(why.text, "/no/such/file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_users),
		cmocka_unit_test(test_a_fault_is_told_with_its_line_and_nothing_is_taken),
		cmocka_unit_test(test_an_empty_file_lets_nobody_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
