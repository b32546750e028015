/* Sessions counted per client. */
#include "tests/check.h"

#include "ingest/smtp/clients.h"

static struct net_address address(const char *text)
{
	struct net_address address;
	assert_true(net_address_parse(text, 25, &address));
	return address;
}

static void test_a_client_is_limited_and_others_are_not(void **state)
{
	struct clients *clients = clients_new();
	struct net_address a = address("192.0.2.1:1000"), again = address("192.0.2.1:2000"),
			   b = address("192.0.2.2:1000");
	(void)state;
	assert_true(clients_enter(clients, &a, 2));
	assert_true(clients_enter(clients, &again, 2));
	assert_false(clients_enter(clients, &a, 2));
	assert_true(clients_enter(clients, &b, 2));
	clients_leave(clients, &again);
	assert_true(clients_enter(clients, &a, 2));
	clients_leave(clients, &a);
	clients_leave(clients, &a);
	clients_leave(clients, &b);
	clients_free(&clients);
}

static void test_addresses_of_one_customer_count_as_one(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_one;
	} cases[] = {
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"192.0.2.1:1", "[::ffff:192.0.2.2]:1", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct clients *clients = clients_new();
		struct net_address a = address(cases[i].a), b = address(cases[i].b);
		assert_true(clients_enter(clients, &a, 1));
		assert_int_equal(clients_enter(clients, &b, 1), !cases[i].is_one);
		clients_free(&clients);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_client_is_limited_and_others_are_not),
		cmocka_unit_test(test_addresses_of_one_customer_count_as_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
