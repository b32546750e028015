/* Forms of host names, endpoints and networks, suggestions for mistyped words, and passwords in URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "fixture_shop.h"
#include "lib/conf/forms.h"
#include "lib/conf/nearest.h"
#include "lib/conf/text.h"

static void test_hostnames_are_labels_of_letters_digits_and_hyphens(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} cases[] = {
		{"mta1.example.com", true},
		{"localhost", true},
		{"1.example", true},
		{"a-b.c", true},
		{"", false},
		{"a..b", false},
		{".a", false},
		{"a.", false},
		{"-a.b", false},
		{"a-.b", false},
		{"a_b", false},
		{"a b", false},
		{"m\xc3\xbcller.example", false},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", true},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(cases[i].text, form_is_hostname(cases[i].text) == cases[i].is_good);
}

static void test_endpoints_are_a_host_and_a_port(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} cases[] = {
		{"10.0.0.5:25", true},
		{"[::]:587", true},
		{"[2001:db8::1]:25", true},
		{"mx.example.com:25", true},
		{"localhost:65535", true},
		{"10.0.0.5", false},
		{"10.0.0.5:", false},
		{"10.0.0.5:0", false},
		{"10.0.0.5:65536", false},
		{":25", false},
		{"10.0.0.256:25", false},
		{"10.0.0:25", false},
		{"::1:25", false},
		{"[::1]", false},
		{"[::1]25", false},
		{"[10.0.0.1]:25", false},
		{"[::1:25", false},
		{"a:b:25", false},
		{"a:25x", false},
		{"*:25", false},
		{"", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(cases[i].text, form_is_endpoint(cases[i].text) == cases[i].is_good);
}

static void test_networks_are_written_as_they_are_read(void **state)
{
	static const struct {
		const char *text, *written; /* NULL: refused */
	} cases[] = {
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"10.1.2.3", "10.1.2.3/32"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"fd00::/8", "fd00::/8"},
		{"::1", "::1/128"},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
		{"10.0.0.1/8", NULL},
		{"10.0.0.0/33", NULL},
		{"10.0.0.0/", NULL},
		{"10.0.0.0/x", NULL},
		{"10.0.0/8", NULL},
		{"fd00::/129", NULL},
		{"fd00::1/64", NULL},
		{"", NULL},
		{"/8", NULL},
		{"example.com", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf_cidr cidr;
		char text[FORM_CIDR_SIZE];
		check_case(cases[i].text,
			   form_parse_cidr(cases[i].text, &cidr) == (cases[i].written != NULL));
		if (!cases[i].written)
			continue;
		form_write_cidr(&cidr, text);
		assert_string_equal(text, cases[i].written);
	}
}

static bool contains(const char *network, const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct conf_cidr cidr;
	assert_true(form_parse_cidr(network, &cidr));
	struct conf_cidr_list list = {&cidr, 1};
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return conf_cidrs_contain(&list, (const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return conf_cidrs_contain(&list, (const struct sockaddr *)&v6);
}

static void test_a_mapped_address_is_its_v4_one(void **state)
{
	(void)state;
	assert_true(contains("10.0.0.0/8", "10.255.255.255"));
	assert_true(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
	assert_true(contains("::ffff:10.0.0.0/104", "10.1.1.1"));
	assert_false(contains("10.0.0.0/8", "11.0.0.0"));
	assert_true(contains("10.0.0.4/30", "10.0.0.7"));
	assert_false(contains("10.0.0.4/30", "10.0.0.8"));
	assert_true(contains("0.0.0.0/0", "192.0.2.1"));
	assert_false(contains("0.0.0.0/0", "2001:db8::1"));
	assert_false(contains("::/0", "::ffff:10.1.1.1"));
	assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
}

static const char *suggest(const char *word)
{
	struct nearest nearest;
	nearest_init(&nearest, word);
	nearest_offer(&nearest, "connections");
	nearest_offer(&nearest, "connection_idle");
	nearest_offer(&nearest, "port");
	nearest_offer(&nearest, "tls");
	return nearest.best;
}

static void test_the_nearest_word_is_suggested_and_none_when_all_are_far(void **state)
{
	(void)state;
	assert_string_equal(suggest("conections"), "connections");
	assert_string_equal(suggest("connectoins"), "connections");
	assert_string_equal(suggest("connection_idel"), "connection_idle");
	assert_string_equal(suggest("prot"), "port");
	assert_string_equal(suggest("tsl"), "tls");
	assert_null(suggest("rate"));
	assert_null(suggest("something_else"));
	assert_null(suggest(""));
}

static void test_passwords_of_urls_become_stars(void **state)
{
	static const struct {
		const char *text, *hidden;
	} cases[] = {
		{"amqp://joe:secret@host/v", "amqp://joe:******@host/v"},
		{"amqp://joe@host:5672/v", "amqp://joe@host:5672/v"},
		{"url: \"amqp://j:p@ss@h\" # http://a:bc@d",
		 "url: \"amqp://j:****@h\" # http://a:**@d"},
		{"amqp://host/a:b@c", "amqp://host/a:b@c"},
		{"amqp://", "amqp://"},
		{"", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[100];
		strcpy(text, cases[i].text);
		text_hide_passwords(text);
		assert_string_equal(text, cases[i].hidden);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostnames_are_labels_of_letters_digits_and_hyphens),
		cmocka_unit_test(test_endpoints_are_a_host_and_a_port),
		cmocka_unit_test(test_networks_are_written_as_they_are_read),
		cmocka_unit_test(test_a_mapped_address_is_its_v4_one),
		cmocka_unit_test(test_the_nearest_word_is_suggested_and_none_when_all_are_far),
		cmocka_unit_test(test_passwords_of_urls_become_stars),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
