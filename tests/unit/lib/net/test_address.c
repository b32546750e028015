/* Addresses as text and back, and which of them an MX may not point to. */
#include "lib/net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct net_address parsed(const char *text)
{
	struct net_address address;
	if (!net_address_parse(text, 25, &address))
		fail_msg("%s is an address", text);
	return address;
}

static void test_addresses_are_printed_as_they_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *in, *text, *ip;
	} cases[] = {
		{"192.0.2.1:2525", "192.0.2.1:2525", "192.0.2.1"},
		{"192.0.2.1", "192.0.2.1:25", "192.0.2.1"},
		{"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
		{"[2001:db8::1]:65535", "[2001:db8::1]:65535", "2001:db8::1"},
		{"[::1]", "[::1]:25", "::1"},
		{"::1", "[::1]:25", "::1"},
		{"2001:db8:0:0:0:0:0:1", "[2001:db8::1]:25", "2001:db8::1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:25",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct net_address address = parsed(cases[i].in);
		char text[NET_ADDRESS_SIZE], ip[NET_ADDRESS_SIZE];
		net_address_text(&address, text);
		net_address_ip_text(&address, ip);
		assert_string_equal(text, cases[i].text);
		assert_string_equal(ip, cases[i].ip);
	}
}

static void test_what_is_no_address_is_refused_and_nothing_is_written(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		":25",
		"mx.example",
		"mx.example:25",
		"192.0.2",
		"192.0.2.1:",
		"192.0.2.1:x",
		"192.0.2.1:65536",
		"192.0.2.256",
		"[192.0.2.1]:25",
		"[::1",
		"[]",
		"[::1]25",
		"[::1]:",
		"::1]:25",
		"1:2:3:4:5:6",
		":::",
		"[::1]:-1",
		" 192.0.2.1",
		"192.0.2.1 ",
		"192.0.2.1:25:1",
		"fe80::1%eth0",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct net_address untouched = {.len = 77};
		if (net_address_parse(cases[i], 25, &untouched))
			fail_msg("\"%s\" is not an address", cases[i]);
		assert_int_equal(untouched.len, 77);
	}
}

static void test_addresses_are_equal_when_family_ip_and_port_are(void **state)
{
	(void)state;
	struct net_address none = {.len = 0}, a = parsed("192.0.2.1:25"),
			   b = parsed("192.0.2.1:26"), c = parsed("192.0.2.2:25"),
			   d = parsed("[::1]:25");
	assert_true(net_address_equal(&a, &a));
	assert_true(net_address_equal(&d, &d));
	assert_true(net_address_equal(&none, &none));
	assert_false(net_address_equal(&a, &b));
	assert_false(net_address_equal(&a, &c));
	assert_false(net_address_equal(&a, &d));
	assert_false(net_address_equal(&a, &none));
	assert_int_equal(net_address_port(&none), 0);
}

static void test_only_public_addresses_are_not_special(void **state)
{
	(void)state;
	static const struct {
		const char *ip;
		bool is_special;
	} cases[] = {
		{"8.8.8.8", false},
		{"1.0.0.1", false},
		{"9.255.255.255", false},
		{"11.0.0.0", false},
		{"100.63.255.255", false},
		{"100.128.0.0", false},
		{"126.255.255.255", false},
		{"128.0.0.1", false},
		{"169.253.255.255", false},
		{"172.15.255.255", false},
		{"172.32.0.0", false},
		{"192.0.1.1", false},
		{"192.167.255.255", false},
		{"198.17.255.255", false},
		{"198.20.0.0", false},
		{"223.255.255.255", false},
		{"0.0.0.0", true},
		{"0.1.2.3", true},
		{"10.0.0.1", true},
		{"100.64.0.0", true},
		{"100.127.255.255", true},
		{"127.0.0.1", true},
		{"127.255.255.254", true},
		{"169.254.169.254", true},
		{"172.16.0.0", true},
		{"172.31.255.255", true},
		{"192.0.0.8", true},
		{"192.0.2.1", true},
		{"192.88.99.1", true},
		{"192.168.1.1", true},
		{"198.18.0.1", true},
		{"198.19.255.255", true},
		{"198.51.100.1", true},
		{"203.0.113.1", true},
		{"224.0.0.1", true},
		{"239.255.255.255", true},
		{"240.0.0.1", true},
		{"255.255.255.255", true},
		{"2a00:1450:4001:80f::200e", false},
		{"2620:fe::fe", false},
		{"2001:200::1", false},
		{"2001:4860:4860::8888", false},
		{"2001:db7::1", false},
		{"3ffe::1", false},
		{"3fff:1000::1", false},
		{"fbff::1", false},
		{"::", true},
		{"::1", true},
		{"::8.8.8.8", true},
		{"100::1", true},
		{"2001::1", true},
		{"2001:1ff:ffff::1", true},
		{"2001:db8::1", true},
		{"3fff:fff::1", true},
		{"5f00::1", true},
		{"fc00::1", true},
		{"fdff::1", true},
		{"fe80::1", true},
		{"febf::1", true},
		{"fec0::1", true},
		{"ff02::1", true},
		/* as special as the IPv4 address inside */
		{"::ffff:127.0.0.1", true},
		{"::ffff:10.0.0.1", true},
		{"::ffff:8.8.8.8", false},
		{"64:ff9b::127.0.0.1", true},
		{"64:ff9b::192.168.0.1", true},
		{"64:ff9b::8.8.8.8", false},
		{"64:ff9b:1::8.8.8.8", true},
		{"2002:7f00:1::1", true},
		{"2002:0808:0808::1", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct net_address address = parsed(cases[i].ip);
		if (net_address_is_special(&address) != cases[i].is_special)
			fail_msg("%s is%s special", cases[i].ip, cases[i].is_special ? "" : " not");
	}
	struct net_address none = {.len = 0};
	assert_true(net_address_is_special(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_are_printed_as_they_are_read),
		cmocka_unit_test(test_what_is_no_address_is_refused_and_nothing_is_written),
		cmocka_unit_test(test_addresses_are_equal_when_family_ip_and_port_are),
		cmocka_unit_test(test_only_public_addresses_are_not_special),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
