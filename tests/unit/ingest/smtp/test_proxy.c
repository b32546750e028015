/* What a balancer says before its client: read at any cut, and nothing else is taken for it. */
#include "tests/check.h"

#include <string.h>

#include "ingest/smtp/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static const struct {
	struct bytes in;
	enum proxy_verdict verdict;
	const char *client; /* with its port */
	size_t rest;	    /* bytes behind the header */
} cases[] = {
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\nEHLO"), PROXY_CLIENT, "192.0.2.1:1234",
	 4},
	{BYTES("PROXY TCP6 2001:db8::1 ::1 65535 25\r\n"), PROXY_CLIENT, "[2001:db8::1]:65535", 0},
	{BYTES("PROXY UNKNOWN\r\n"), PROXY_SELF, NULL, 0},
	{BYTES("PROXY UNKNOWN whatever it says\r\nx"), PROXY_SELF, NULL, 1},
	{BYTES(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\4\xd2\0\x19"
			 "EHLO"),
	 PROXY_CLIENT, "192.0.2.1:1234", 4},
	{BYTES(SIGNATURE "\x21\x11\0\x0f\xc0\0\2\1\xc0\0\2\2\4\xd2\0\x19"
			 "\4\0\0"),
	 PROXY_CLIENT, "192.0.2.1:1234", 0},
	{BYTES(SIGNATURE "\x21\x21\0\x24"
			 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4\xd2\0\x19"),
	 PROXY_CLIENT, "[2001:db8::1]:1234", 0},
	{BYTES(SIGNATURE "\x20\0\0\0"), PROXY_SELF, NULL, 0},
	{BYTES(SIGNATURE "\x21\0\0\0"), PROXY_SELF, NULL, 0},
	{BYTES("EHLO a\r\n"), PROXY_BAD, NULL, 0},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234\r\n"), PROXY_BAD, NULL, 0},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234 25 x\r\n"), PROXY_BAD, NULL, 0},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 65536 25\r\n"), PROXY_BAD, NULL, 0},
	{BYTES("PROXY TCP4 ::1 ::1 1 25\r\n"), PROXY_BAD, NULL, 0},
	{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\n"), PROXY_BAD, NULL, 0},
	{BYTES("PROXY UDP4 192.0.2.1 192.0.2.2 1234 25\r\n"), PROXY_BAD, NULL, 0},
	{BYTES(SIGNATURE "\x31\x11\0\x0c"), PROXY_BAD, NULL, 0},
	{BYTES(SIGNATURE "\x21\x11\xff\xff"), PROXY_BAD, NULL, 0},
	{BYTES(SIGNATURE "\x21\x11\0\x04"
			 "\1\2\3\4"),
	 PROXY_BAD, NULL, 0},
	{BYTES(SIGNATURE "\x21\x31\0\0"), PROXY_BAD, NULL, 0},
};

static void test_headers_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct net_address client;
		char text[NET_ADDRESS_SIZE];
		size_t used = 0;
		assert_int_equal(proxy_parse(cases[i].in, &client, &used), cases[i].verdict);
		if (cases[i].verdict == PROXY_BAD)
			continue;
		assert_int_equal(cases[i].in.len - used, cases[i].rest);
		if (!cases[i].client)
			continue;
		net_address_text(&client, text);
		assert_string_equal(text, cases[i].client);
	}
}

static void test_every_beginning_of_one_waits_for_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t whole = cases[i].in.len - cases[i].rest;
		struct net_address client;
		size_t used = 0;
		for (size_t len = 0; cases[i].verdict != PROXY_BAD && len < whole; len++)
			assert_int_equal(proxy_parse(bytes_first(cases[i].in, len), &client, &used),
					 PROXY_MORE);
	}
}

static void test_a_line_without_end_is_none(void **state)
{
	char line[200] = "PROXY UNKNOWN ";
	struct net_address client;
	size_t used = 0;
	(void)state;
	memset(line + 14, 'x', sizeof line - 14);
	assert_int_equal(proxy_parse(bytes_from(line, 106), &client, &used), PROXY_MORE);
	assert_int_equal(proxy_parse(bytes_from(line, 107), &client, &used), PROXY_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_are_read_strictly),
		cmocka_unit_test(test_every_beginning_of_one_waits_for_more),
		cmocka_unit_test(test_a_line_without_end_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
