/* Addresses: what is taken, what is refused, and one spelling for all of an address's. */
#include "lib/mail/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define A10  "aaaaaaaaaa"
#define A60  A10 A10 A10 A10 A10 A10
#define A63  A60 "aaa"
#define LONG A63 "." A63 "." A63 "."

static void assert_text(struct bytes b, const char *text)
{
	if (!bytes_is(b, text))
		fail_msg("got \"%.*s\", wanted \"%s\"", BYTES_ARGS(b), text);
}

static void test_a_path_gives_its_mailbox_and_what_it_took(void **state)
{
	static const struct {
		const char *in, *text, *local, *domain, *rest;
	} cases[] = {
		{"<a@b.example>", "a@b.example", "a", "b.example", ""},
		{"<a@b.example> SIZE=100", "a@b.example", "a", "b.example", " SIZE=100"},
		{"<a@b>>", "a@b", "a", "b", ">"},
		{"<Some.Body+tag@Mail.Example>", "Some.Body+tag@Mail.Example", "Some.Body+tag",
		 "Mail.Example", ""},
		{"<@relay.example,@two.example:a@b.example>", "a@b.example", "a", "b.example", ""},
		{"<@[192.0.2.1]:a@b.example>", "a@b.example", "a", "b.example", ""},
		{"<\"a b\"@c.example>", "\"a b\"@c.example", "\"a b\"", "c.example", ""},
		{"<\"a>b\\\"@\"@c.example>", "\"a>b\\\"@\"@c.example", "\"a>b\\\"@\"", "c.example",
		 ""},
		{"<\"\"@c.example>", "\"\"@c.example", "\"\"", "c.example", ""},
		{"<a@[192.0.2.1]>", "a@[192.0.2.1]", "a", "[192.0.2.1]", ""},
		{"<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]", ""},
		{"<a@_dmarc.b_c.example>", "a@_dmarc.b_c.example", "a", "_dmarc.b_c.example", ""},
		{"<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~@b", "!#$%&'*+-/=?^_`{|}~", "b",
		 ""},
		{"<postmaster>", "postmaster", "postmaster", "", ""},
		{"<PostMaster> X", "PostMaster", "PostMaster", "", " X"},
		{"<>", "", "", "", ""},
		{"<> BODY=8BITMIME", "", "", "", " BODY=8BITMIME"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct address address;
		size_t used = 0;
		struct bytes in = bytes_of(cases[i].in);
		if (address_parse_path(in, false, &address, &used) != OK)
			fail_msg("%s was refused", cases[i].in);
		assert_text(address.text, cases[i].text);
		assert_text(address.local, cases[i].local);
		assert_text(address.domain, cases[i].domain);
		assert_text(bytes_skip(in, used), cases[i].rest);
		assert_int_equal(address.is_null, cases[i].text[0] == '\0');
		assert_false(address.needs_smtputf8);
	}
}

static void test_a_broken_path_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"<",
		"a@b",
		"<a@b",
		" <a@b>",
		"<a>",
		"<a@>",
		"<@b>",
		"<a b@c>",
		"<a@b >",
		"< a@b>",
		"<a@b c>",
		"<.a@b>",
		"<a.@b>",
		"<a..b@c>",
		"<a@.b>",
		"<a@b.>",
		"<a@b..c>",
		"<a@-b>",
		"<a@b->",
		"<a@b.-c.d>",
		"<a@b@c>",
		"<\"a@b>",
		"<\"a\"b@c>",
		"<a\"b\"@c>",
		"<\"a\\\"@b>",
		"<\"a\tb\"@c>",
		"<a@[192.0.2.256]>",
		"<a@[192.0.2]>",
		"<a@[192.0.2.1>",
		"<a@[192.0.2.1]x>",
		"<a@[192.0.2.1].b>",
		"<a@[IPv6:]>",
		"<a@[IPv6:192.0.2.1]>",
		"<a@[2001:db8::1]>",
		"<a@[x-tag:anything]>",
		"<a@[]>",
		"<@r:>",
		"<@r,a@b>",
		"<@r:@b>",
		"<@r,:a@b>",
		"<@:a@b>",
		"<@r a@b>",
		"<@>",
		"<,@r:a@b>",
		"<postmaster@>",
		"<postmaste>",
		"<postmaster >",
		"<a@b,c>",
		"<a,b@c>",
		"<a:b@c>",
		"<a;b@c>",
		"<a(b)@c>",
		"<a\\b@c>",
		"<\x01@b>",
		"<a@b\x7f>",
		"<a\r\n@b>",
		"<a@b\r\n>",
		"<a@" A63 "a.b>",
		"<\xc3\xa9@b>",
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct address address;
		size_t used = 0;
		if (address_parse_path(bytes_of(cases[i]), false, &address, &used) != E_MALFORMED)
			fail_msg("%s was taken", cases[i]);
	}
}

static void test_a_nul_is_refused_wherever_it_stands(void **state)
{
	static const char whole[] = "<ab@c.de>";
	(void)state;
	for (size_t i = 0; i < sizeof whole - 1; i++) {
		char text[sizeof whole];
		struct address address;
		size_t used = 0;
		memcpy(text, whole, sizeof whole);
		text[i] = '\0';
		struct bytes in = bytes_from(text, sizeof whole - 1);
		assert_int_equal(address_parse_path(in, true, &address, &used), E_MALFORMED);
	}
}

static void test_lengths_are_bounded(void **state)
{
	static const struct {
		const char *in;
		enum err err;
	} cases[] = {
		{A60 "aaaa@b", OK},
		{A60 "aaaaa@b", E_TOO_BIG},
		{"\"" A60 "aa\"@b", OK},
		{"\"" A60 "aaa\"@b", E_TOO_BIG},
		{"a@" LONG A63, OK}, /* 255 */
		{"a@" LONG A60 ".bbb", E_TOO_BIG},
		{A60 "aaaa@" LONG A63, OK}, /* 320 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct address address;
		enum err err = address_parse(bytes_of(cases[i].in), false, &address);
		if (err != cases[i].err)
			fail_msg("%s: %s", cases[i].in, err_text(err));
	}
}

static void test_utf8_is_taken_only_when_allowed_and_well_formed(void **state)
{
	static const struct {
		const char *in;
		bool is_taken;
	} cases[] = {
		{"j\xc3\xb6rg@b.example", true},
		{"a@b\xc3\xbc"
		 "cher.example",
		 true},
		{"\"j\xc3\xb6 rg\"@b.example", true},
		{"\xf0\x9f\x98\x80@b.example", true},
		{"\xc3@b.example", false},
		{"\xc0\xaf@b.example", false},
		{"\xed\xa0\x80@b.example", false},
		{"a\xc2\x85@b.example", false}, /* a C1 control */
		{"\"\\\xc3\xb6\"@b.example", false},
		{"a@\xff.example", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct address address;
		struct bytes in = bytes_of(cases[i].in);
		assert_int_equal(address_parse(in, false, &address), E_MALFORMED);
		enum err err = address_parse(in, true, &address);
		if ((err == OK) != cases[i].is_taken)
			fail_msg("%s: %s", cases[i].in, err_text(err));
		if (err == OK)
			assert_true(address.needs_smtputf8);
	}
}

static void test_an_address_without_brackets_is_taken_whole_or_not(void **state)
{
	struct address address;
	(void)state;
	assert_int_equal(address_parse(BYTES("a@b.example"), false, &address), OK);
	assert_text(address.text, "a@b.example");
	assert_false(address.is_null);
	assert_int_equal(address_parse(BYTES(""), false, &address), OK);
	assert_true(address.is_null);
	assert_int_equal(address_parse(BYTES("<a@b>"), false, &address), E_MALFORMED);
	assert_int_equal(address_parse(BYTES("a@b "), false, &address), E_MALFORMED);
	assert_int_equal(address_parse(BYTES("a@b,c@d"), false, &address), E_MALFORMED);
	assert_int_equal(address_parse(BYTES("a@b\n"), false, &address), E_MALFORMED);
	assert_int_equal(address_parse(BYTES("@r:a@b"), false, &address), E_MALFORMED);
	assert_int_equal(address_parse(BYTES("postmaster"), false, &address), E_MALFORMED);
}

static void test_a_domain_has_one_spelling(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {
		{"Example.COM", "example.com"},
		{"example.com.", "example.com"},
		{"localhost", "localhost"},
		{"a_b.example.com", "a_b.example.com"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
		{"b\xc3\xbc"
		 "cher.example",
		 "xn--bcher-kva.example"},
		{"B\xc3\x9c"
		 "CHER.Example.",
		 "xn--bcher-kva.example"},
		{"fa\xc3\x9f.example", "xn--fa-hia.example"}, /* non-transitional: not fass */
		{"a_b.b\xc3\xbc"
		 "cher.example",
		 "a_b.xn--bcher-kva.example"},
		{"\xe4\xbe\x8b\xe3\x80\x82\xe6\xb5\x8b\xe8\xaf\x95", "xn--fsq.xn--0zwm56d"},
		{"[192.0.2.1]", "[192.0.2.1]"},
		{"[IPV6:2001:DB8:0:0::1]", "[IPv6:2001:db8::1]"},
		{"[192.0.2.1].", NULL},
		{"", NULL},
		{".", NULL},
		{"..", NULL},
		{"a..", NULL},
		{".a", NULL},
		{"a..b", NULL},
		{"-a.b", NULL},
		{"a-.b", NULL},
		{"a b", NULL},
		{"a/b", NULL},
		{"\xe2\x84\x80.example", NULL}, /* U+2100 maps to "a/c" */
		{"\xef\xbc\x8d"
		 "a.example",
		 NULL}, /* a full-width hyphen first */
		{"a\xff.example", NULL},
		{"\xc2\xad.example", NULL}, /* nothing is left of a soft hyphen */
		{"a@b", NULL},
		{A63 "." A63 "." A63 "." A60 "a", "@same"}, /* 253 */
		{A63 "." A63 "." A63 "." A60 "aa", NULL},
		{A63 "a.b", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[ADDRESS_DOMAIN_MAX + 1] = "untouched";
		const char *wanted = cases[i].out;
		if (wanted && strcmp(wanted, "@same") == 0)
			wanted = cases[i].in;
		enum err err = domain_canonical(bytes_of(cases[i].in), out);
		if (err != (wanted ? OK : E_MALFORMED))
			fail_msg("%s: %s (%s)", cases[i].in, err_text(err), out);
		assert_string_equal(out, wanted ? wanted : "untouched");
	}
	assert_int_equal(domain_canonical(bytes_from("a\0b.example", 11), (char[256]){0}),
			 E_MALFORMED);
}

static void test_all_spellings_of_an_address_have_one_key(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"Some.Body@Example.COM", "some.body@example.com"},
		{"\"Some.Body\"@example.com", "some.body@example.com"},
		{"\"s\\om\\e\"@example.com", "some@example.com"},
		{"\"a b\"@example.com", "\"a b\"@example.com"},
		{"\"A\\ B\"@example.com", "\"a b\"@example.com"},
		{"\"a\\\"b\\\\\"@example.com", "\"a\\\"b\\\\\"@example.com"},
		{"\"a..b\"@example.com", "\"a..b\"@example.com"},
		{"\"\"@example.com", "\"\"@example.com"},
		{"J\xc3\x96rg@b\xc3\xbc"
		 "cher.example",
		 "j\xc3\x96rg@xn--bcher-kva.example"},
		{"a@[IPv6:2001:DB8::0:1]", "a@[IPv6:2001:db8::1]"},
		{"", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct address address;
		char out[ADDRESS_MAX + 1];
		assert_int_equal(address_parse(bytes_of(cases[i].in), true, &address), OK);
		assert_int_equal(address_canonical(&address, out), OK);
		assert_string_equal(out, cases[i].out);
	}
}

static void test_a_postmaster_without_domain_has_no_key(void **state)
{
	struct address address;
	size_t used = 0;
	char out[ADDRESS_MAX + 1];
	(void)state;
	assert_int_equal(address_parse_path(BYTES("<postmaster>"), false, &address, &used), OK);
	assert_int_equal(address_canonical(&address, out), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_path_gives_its_mailbox_and_what_it_took),
		cmocka_unit_test(test_a_broken_path_is_refused),
		cmocka_unit_test(test_a_nul_is_refused_wherever_it_stands),
		cmocka_unit_test(test_lengths_are_bounded),
		cmocka_unit_test(test_utf8_is_taken_only_when_allowed_and_well_formed),
		cmocka_unit_test(test_an_address_without_brackets_is_taken_whole_or_not),
		cmocka_unit_test(test_a_domain_has_one_spelling),
		cmocka_unit_test(test_all_spellings_of_an_address_have_one_key),
		cmocka_unit_test(test_a_postmaster_without_domain_has_no_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
