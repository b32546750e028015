/* Where URLs of others lead, and whether we go there. */
#include "tests/check.h"

#include "lib/net/url_target.h"

static void test_a_target_is_read_in_one_way_only(void **state)
{
	static const struct {
		const char *url, *host;
		unsigned port;
		bool is_address;
	} good[] = {
		{"https://crm.example.com/mail?x=1", "crm.example.com", 443, false},
		{"http://crm.example.com:8080", "crm.example.com", 8080, false},
		{"https://192.0.2.1:444/", "192.0.2.1", 444, true},
		{"http://[2001:db8::1]:81/x", "2001:db8::1", 81, true},
		{"https://[::1]", "::1", 443, true},
	};
	static const char *const bad[] = {
		"ftp://crm.example.com/",
		"https://",
		"https:///x",
		"https://a@b.example/",
		"https://b.example:x/",
		"https://b.example:0/",
		"https://127.1/",
		"https://2130706433/",
		"https://0x7f.0.0.1/",
		"https://b.example:70000",
		"https://[::1/",
		"https://::1/",
		"https://b.example\\@c/",
		"https://b c/",
		"https://[b.example]/",
		"https://[::1]x/",
		"https://b.example/#x",
		"https://0177.0.0.1/",
	};
	struct url_target target;
	struct why why;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(url_target_parse(good[i].url, &target, &why), OK);
		assert_string_equal(target.host, good[i].host);
		assert_int_equal(target.port, good[i].port);
		assert_int_equal(target.is_address, good[i].is_address);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(url_target_parse(bad[i], &target, &why), E_MALFORMED);
}

static void test_special_addresses_are_reached_only_where_that_is_allowed(void **state)
{
	static const char *const special[] = {"127.0.0.1", "10.1.2.3",	 "169.254.169.254",
					      "::1",	   "fe80::1",	 "::ffff:192.168.1.1",
					      "fd00::1",   "100.64.0.1", "0.0.0.0"};
	struct conf_cidr loopback = {.family = AF_INET, .address = {127}, .prefix_bits = 8};
	const struct conf_cidr_list none = {NULL, 0}, some = {&loopback, 1};
	struct net_address address;
	(void)state;
	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
		assert_true(net_address_parse(special[i], 443, &address));
		assert_false(url_may_reach(&address, &none));
		assert_int_equal(url_may_reach(&address, &some), i == 0);
	}
	assert_true(net_address_parse("93.184.216.34", 443, &address));
	assert_true(url_may_reach(&address, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_target_is_read_in_one_way_only),
		cmocka_unit_test(test_special_addresses_are_reached_only_where_that_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
