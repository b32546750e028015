/* Whose mail it is. */
#include "tests/check.h"

#include "lib/mail/mailbox.h"

static void test_domains(void **state)
{
	static const struct {
		const char *value, *domain; /* NULL: none */
	} cases[] = {
		{" a@x.example\r\n", "x.example"},
		{" A Name <a@x.example>\r\n", "x.example"},
		{" \"a@evil.example\" <a@x.example>", "x.example"},
		{" a@evil.example <a@x.example>", "x.example"},
		{" (a@evil.example) a@x.example (comment (nested) b@evil.example)", "x.example"},
		{" \"quoted \\\" @evil.example\"@x.example", "x.example"},
		{" <\"<b@evil.example>\"@x.example>", "x.example"},
		{" A\r\n Name\r\n\t<a@\r\n x.example>", "x.example"},
		{" a@x.example, b@y.example", "x.example"},
		{" A <a@x.example>, B <b@y.example>", "x.example"},
		{" A, B <b@y.example>", "y.example"},
		{" Group: a@x.example, b@y.example;", "x.example"},
		{" <@relay.example:a@x.example>", "x.example"},
		{" =?utf-8?q?a=40b?= <a@x.example>", "x.example"},
		{" a@b\xc3\xbc"
		 "cher.example",
		 "b\xc3\xbc"
		 "cher.example"},
		{" a@X.Example.", "X.Example."},
		{" a", NULL},
		{"", NULL},
		{" <>", NULL},
		{" a@", NULL},
		{" \"a@x.example", NULL},
		{" (a@x.example", NULL},
		{" a@<b>", NULL},
		{" undisclosed:;", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bytes domain;
		bool is_found = mailbox_domain(bytes_of(cases[i].value), &domain);
		if (is_found != (cases[i].domain != NULL) ||
		    (is_found && !bytes_is(domain, cases[i].domain)))
			print_error("%s: %.*s\n", cases[i].value, BYTES_ARGS(domain));
		assert_int_equal(is_found, cases[i].domain != NULL);
		assert_true(!is_found || bytes_is(domain, cases[i].domain));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_domains)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
