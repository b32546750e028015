#include <string.h>

#include "broker/rabbitmq/url.h"

#include "tests/check.h"

static const struct {
	const char *text, *user, *password, *vhost, *host;
	uint16_t port;
	size_t hosts;
	bool is_tls;
} good[] = {
	{"amqp://", "guest", "guest", "/", "localhost", 5672, 1, false},
	{"amqp://h", "guest", "guest", "/", "h", 5672, 1, false},
	{"amqps://h", "guest", "guest", "/", "h", 5671, 1, true},
	{"amqp://u:p@h:1234/v", "u", "p", "v", "h", 1234, 1, false},
	{"amqp://u@h/", "u", "", "/", "h", 5672, 1, false},
	{"amqp://u:p%40q%3a@h/%2F", "u", "p@q:", "/", "h", 5672, 1, false},
	{"amqp://u:p@q@h", "u", "p@q", "/", "h", 5672, 1, false},
	{"amqp://a:1,b,c:3/v", "guest", "guest", "v", "a", 1, 3, false},
	{"amqp://[::1]:77/v", "guest", "guest", "v", "::1", 77, 1, false},
	{"amqp://[2001:db8::1]", "guest", "guest", "/", "2001:db8::1", 5672, 1, false},
};

static void test_urls_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct url url;
		struct why why = {""};
		print_message("%s\n", good[i].text);
		assert_int_equal(url_parse(good[i].text, &url, &why), OK);
		assert_string_equal(url.user, good[i].user);
		assert_string_equal(url.password, good[i].password);
		assert_string_equal(url.vhost, good[i].vhost);
		assert_string_equal(url.hosts[0].name, good[i].host);
		assert_int_equal(url.hosts[0].port, good[i].port);
		assert_int_equal(url.host_count, good[i].hosts);
		assert_int_equal(url.is_tls, good[i].is_tls);
	}
}

static void test_malformed_urls_are_refused_without_showing_the_password(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"http://h",
		"amqp:/h",
		"amqp://h:0",
		"amqp://h:65536",
		"amqp://h:x",
		"amqp://u:secret%4@h",
		"amqp://u:secret%00@h",
		"amqp://h/v?heartbeat=3",
		"amqp://[::1]x",
		"amqp://h/%zz",
		"amqp://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct url url;
		struct why why = {""};
		print_message("%s\n", bad[i]);
		assert_int_equal(url_parse(bad[i], &url, &why), E_MALFORMED);
		assert_null(strstr(why.text, "secret"));
		assert_true(why.text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls_are_taken_apart),
		cmocka_unit_test(test_malformed_urls_are_refused_without_showing_the_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
