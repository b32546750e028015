/* From MX answers to endpoints: order, shuffling, null MX, loops, special addresses, families. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/delivery/exchange_list.h"

static const struct conf_cidr_list no_networks;
static const struct exchange_rules plain = {
	.own_name = "me.example",
	.allowed = &no_networks,
	.endpoints_max = 5,
	.port = 25,
	.family = AF_UNSPEC,
};

/* "10 a 20 b": preferences and names; "." is the root. */
static struct mx_answer answer_of(const char *text)
{
	struct mx_answer answer = {.outcome = DNS_FOUND};
	unsigned preference;
	char name[100];
	int used;
	for (; sscanf(text, "%u %99s%n", &preference, name, &used) == 2; text += used) {
		struct mx_host *host = &answer.hosts[answer.count++];
		host->preference = (uint16_t)preference;
		snprintf(host->name, sizeof host->name, "%s", strcmp(name, ".") == 0 ? "" : name);
	}
	return answer;
}

static struct net_address address_of(const char *text)
{
	struct net_address address;
	assert_true(net_address_parse(text, 0, &address));
	return address;
}

/* "203.0.114.1 2a00::1", each found for the host. */
static void found(struct exchange_host *host, const struct exchange_rules *rules,
		  enum dns_outcome outcome, const char *addresses)
{
	struct net_address list[RESOLVER_ADDRESSES_MAX];
	size_t count = 0;
	char text[60];
	int used;
	for (; sscanf(addresses, "%59s%n", text, &used) == 1; addresses += used)
		list[count++] = address_of(text);
	exchange_host_found(host, rules, outcome, list, count);
}

static void test_hosts_come_by_preference_and_never_behind_ourselves(void **state)
{
	static const struct {
		const char *answer, *names;
		unsigned code, subject, detail;
	} cases[] = {
		{"20 b 10 a 30 c", "a b c", 0, 0, 0},
		{"10 a", "a", 0, 0, 0},
		{"0 .", "", 556, 1, 10},
		{"0 . 10 a", "a", 0, 0, 0}, /* not a null MX: there are others */
		{"10 a 20 me.example 20 b 30 c", "a", 0, 0, 0},
		{"10 ME.Example 20 b", "", 550, 4, 6},
		{"10 a 20 b 30 me.example", "a b", 0, 0, 0},
		{"", "", 550, 4, 4},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mx_answer answer = answer_of(cases[i].answer);
		struct exchange_hosts hosts;
		struct exchange_failure failure;
		char names[100] = "";
		exchange_hosts(&answer, &plain, 1, &hosts, &failure);
		for (size_t j = 0; j < hosts.count && failure.code == 0; j++)
			snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
				 j > 0 ? " " : "", hosts.hosts[j].name);
		assert_string_equal(names, cases[i].names);
		assert_int_equal(failure.code, cases[i].code);
		assert_int_equal(failure.enhanced.subject, cases[i].subject);
		assert_int_equal(failure.enhanced.detail, cases[i].detail);
	}
}

static void test_equal_hosts_take_turns_by_the_seed(void **state)
{
	struct mx_answer answer = answer_of("10 a 10 b 10 c 5 first");
	unsigned seen[3] = {0};
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct exchange_hosts hosts;
		struct exchange_failure failure;
		exchange_hosts(&answer, &plain, seed, &hosts, &failure);
		assert_string_equal(hosts.hosts[0].name, "first");
		seen[hosts.hosts[1].name[0] - 'a']++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(seen[i], 60, 140);
}

static void test_families_take_turns_within_a_host(void **state)
{
	struct exchange_hosts hosts;
	struct exchange_answer exchange;
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		exchange_single_host("a", &hosts);
		found(&hosts.hosts[0], &plain, DNS_FOUND,
		      "2a00::1 2a00::2 2a00::3 2a00::4 2a00::5 2a00::6 203.0.114.1");
		exchange_finish(&hosts, &plain, seed, &exchange);
		assert_int_equal(exchange.count, 5);
		assert_true(exchange.endpoints[0].address.sa.any.sa_family == AF_INET ||
			    exchange.endpoints[1].address.sa.any.sa_family == AF_INET);
		assert_int_equal(net_address_port(&exchange.endpoints[0].address), 25);
	}
}

static void test_better_hosts_come_first_and_the_maximum_holds(void **state)
{
	struct mx_answer answer = answer_of("10 a 20 b 30 c");
	struct exchange_hosts hosts;
	struct exchange_failure failure;
	struct exchange_answer exchange;
	struct exchange_rules rules = plain;
	(void)state;
	rules.endpoints_max = 3;
	exchange_hosts(&answer, &rules, 7, &hosts, &failure);
	found(&hosts.hosts[0], &rules, DNS_FOUND, "203.0.114.1");
	found(&hosts.hosts[1], &rules, DNS_NO_DATA, "");
	found(&hosts.hosts[2], &rules, DNS_FOUND, "203.0.114.3 203.0.114.4 203.0.114.5");
	exchange_finish(&hosts, &rules, 7, &exchange);
	assert_int_equal(exchange.count, 3);
	assert_string_equal(exchange.endpoints[0].host_name, "a");
	assert_string_equal(exchange.endpoints[1].host_name, "c");
	assert_string_equal(exchange.endpoints[2].host_name, "c");
	assert_false(
		net_address_equal(&exchange.endpoints[1].address, &exchange.endpoints[2].address));
}

static void test_what_is_missing_decides_between_never_and_later(void **state)
{
	static const struct {
		const char *addresses;
		enum dns_outcome outcome;
		int family;
		bool is_by_route, is_cut_at_self;
		unsigned code, subject, detail;
	} cases[] = {
		{"", DNS_NO_DATA, AF_UNSPEC, false, false, 550, 4, 4},
		{"", DNS_NO_NAME, AF_UNSPEC, false, false, 550, 4, 4},
		{"", DNS_FAILED, AF_UNSPEC, false, false, 451, 4, 3},
		{"127.0.0.1 10.0.0.1 ::1", DNS_FOUND, AF_UNSPEC, false, false, 550, 4, 4},
		{"127.0.0.1", DNS_FOUND, AF_UNSPEC, true, false, 0, 0, 0},
		{"", DNS_NO_NAME, AF_UNSPEC, true, false, 451, 4, 4},
		{"203.0.114.1", DNS_FOUND, AF_INET6, false, false, 451, 4, 4},
		{"203.0.114.1", DNS_FOUND, AF_INET, false, false, 0, 0, 0},
		{"", DNS_NO_NAME, AF_UNSPEC, false, true, 451, 4, 4},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct exchange_rules rules = plain;
		struct exchange_hosts hosts;
		struct exchange_answer exchange;
		rules.family = cases[i].family;
		rules.is_by_route = cases[i].is_by_route;
		exchange_single_host("a", &hosts);
		hosts.is_cut_at_self = cases[i].is_cut_at_self;
		found(&hosts.hosts[0], &rules, cases[i].outcome, cases[i].addresses);
		exchange_finish(&hosts, &rules, 1, &exchange);
		assert_int_equal(exchange.failure.code, cases[i].code);
		assert_int_equal(exchange.failure.enhanced.subject, cases[i].subject);
		assert_int_equal(exchange.failure.enhanced.detail, cases[i].detail);
		assert_int_equal(exchange.count == 0, cases[i].code != 0);
	}
}

static void test_allowed_special_networks_may_be_used(void **state)
{
	struct conf_cidr loopback = {.family = AF_INET, .address = {127}, .prefix_bits = 8};
	struct conf_cidr_list allowed = {&loopback, 1};
	struct exchange_rules rules = plain;
	struct exchange_hosts hosts;
	struct exchange_answer exchange;
	(void)state;
	rules.allowed = &allowed;
	exchange_single_host("a", &hosts);
	found(&hosts.hosts[0], &rules, DNS_FOUND, "127.0.0.9 10.0.0.1");
	exchange_finish(&hosts, &rules, 1, &exchange);
	assert_int_equal(exchange.count, 1);
	assert_true(net_address_equal(
		&exchange.endpoints[0].address,
		&(struct net_address){.sa.v4 = {.sin_family = AF_INET,
						.sin_port = htons(25),
						.sin_addr.s_addr = htonl(0x7f000009)},
				      .len = sizeof(struct sockaddr_in)}));
}

static void test_a_host_with_too_many_addresses_is_cut(void **state)
{
	struct net_address many[RESOLVER_ADDRESSES_MAX];
	struct exchange_hosts hosts;
	struct exchange_answer exchange;
	struct exchange_rules rules = plain;
	(void)state;
	rules.endpoints_max = 1000;
	for (size_t i = 0; i < RESOLVER_ADDRESSES_MAX; i++) {
		many[i] = address_of("203.0.114.1");
		many[i].sa.v4.sin_addr.s_addr += (in_addr_t)(i << 24);
	}
	exchange_single_host("a", &hosts);
	exchange_host_found(&hosts.hosts[0], &rules, DNS_FOUND, many, RESOLVER_ADDRESSES_MAX);
	exchange_finish(&hosts, &rules, 1, &exchange);
	assert_int_equal(exchange.count, EXCHANGE_ENDPOINTS_MAX);
}

static void test_hosts_with_our_own_address_end_the_list(void **state)
{
	struct net_address ours = address_of("203.0.114.9"), theirs = address_of("203.0.114.1");
	struct net_address both[2] = {theirs, ours};
	struct exchange_hosts hosts = {.count = 3};
	struct exchange_answer exchange;
	struct exchange_rules rules = plain;
	(void)state;
	rules.own = &ours;
	rules.own_count = 1;
	rules.port = 25;
	for (uint16_t i = 0; i < 3; i++)
		hosts.hosts[i] = (struct exchange_host){.name = "h", .preference = i};
	exchange_host_found(&hosts.hosts[0], &rules, DNS_FOUND, &theirs, 1);
	exchange_host_found(&hosts.hosts[1], &rules, DNS_FOUND, both, 2);
	exchange_host_found(&hosts.hosts[2], &rules, DNS_FOUND, &theirs, 1);
	exchange_finish(&hosts, &rules, 1, &exchange);
	assert_int_equal(exchange.count, 1);

	hosts.hosts[0].count = 0; /* better than we, but gone */
	exchange_finish(&hosts, &rules, 1, &exchange);
	assert_int_equal(exchange.failure.code, 451);
	hosts.hosts[0].preference = 1;
	exchange_finish(&hosts, &rules, 1, &exchange);
	assert_int_equal(exchange.failure.code, 550);
	assert_int_equal(exchange.failure.enhanced.detail, 6);

	rules.port = 2525;
	exchange_single_host("h", &hosts);
	exchange_host_found(&hosts.hosts[0], &rules, DNS_FOUND, &ours, 1);
	exchange_finish(&hosts, &rules, 1, &exchange);
	assert_int_equal(exchange.count, 1);
}

static void test_hosts_of_a_route_keep_their_order_and_ports(void **state)
{
	static const char *const endpoints[] = {"192.0.2.7:2525", "[2001:db8::7]:465",
						"mx.x.example:26"};
	struct net_address first = address_of("192.0.2.7"), third = address_of("10.0.0.1");
	struct exchange_hosts hosts;
	struct exchange_answer exchange;
	struct exchange_rules rules = plain;
	(void)state;
	rules.is_by_route = true;
	exchange_route_hosts(endpoints, 3, &hosts);
	assert_int_equal(hosts.count, 3);
	assert_string_equal(hosts.hosts[1].name, "[2001:db8::7]");
	assert_string_equal(hosts.hosts[2].name, "mx.x.example");
	exchange_host_found(&hosts.hosts[0], &rules, DNS_FOUND, &first, 1);
	exchange_host_found(&hosts.hosts[1], &rules, DNS_FAILED, NULL, 0);
	exchange_host_found(&hosts.hosts[2], &rules, DNS_FOUND, &third, 1);
	exchange_finish(&hosts, &rules, 1, &exchange);
	assert_int_equal(exchange.count, 2);
	assert_int_equal(ntohs(exchange.endpoints[0].address.sa.v4.sin_port), 2525);
	assert_int_equal(ntohs(exchange.endpoints[1].address.sa.v4.sin_port), 26);
	assert_string_equal(exchange.endpoints[1].host_name, "mx.x.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_come_by_preference_and_never_behind_ourselves),
		cmocka_unit_test(test_equal_hosts_take_turns_by_the_seed),
		cmocka_unit_test(test_families_take_turns_within_a_host),
		cmocka_unit_test(test_better_hosts_come_first_and_the_maximum_holds),
		cmocka_unit_test(test_what_is_missing_decides_between_never_and_later),
		cmocka_unit_test(test_allowed_special_networks_may_be_used),
		cmocka_unit_test(test_a_host_with_too_many_addresses_is_cut),
		cmocka_unit_test(test_hosts_with_our_own_address_end_the_list),
		cmocka_unit_test(test_hosts_of_a_route_keep_their_order_and_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
