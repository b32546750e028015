/* What is said to egress proxies. */
#include "tests/check.h"

#include "workers/smtp/dial.h"

static struct net_address address_of(const char *text)
{
	struct net_address address;
	assert_true(net_address_parse(text, 0, &address));
	return address;
}

struct talk {
	struct dial dial;
	struct buf out;
	struct why why;
	size_t used;
};

static enum dial_state start(struct talk *talk, const struct egress_proxy *proxy,
			     const char *source, const char *target)
{
	struct net_address from = {.len = 0}, to = address_of(target);
	if (source)
		from = address_of(source);
	buf_init(&talk->out, DIAL_OUTPUT_MAX);
	return dial_start(&talk->dial, proxy, &from, &to, &talk->out, &talk->why);
}

static enum dial_state hear(struct talk *talk, const char *data, size_t len)
{
	buf_done(&talk->out);
	buf_init(&talk->out, DIAL_OUTPUT_MAX);
	return dial_received(&talk->dial, bytes_from(data, len), &talk->out, &talk->used,
			     &talk->why);
}
#define HEAR(talk, text) hear(talk, text, sizeof(text) - 1)

static void assert_said(struct talk *talk, const char *data, size_t len)
{
	struct bytes said = buf_bytes(&talk->out);
	assert_int_equal(said.len, len);
	assert_memory_equal(said.data, data, len);
}
#define ASSERT_SAID(talk, text) assert_said(talk, text, sizeof(text) - 1)

static void test_socks_without_a_login(void **state)
{
	(void)state;
	struct talk talk;
	const struct egress_proxy proxy = {.kind = SOURCE_SOCKS5, .user = "", .password = ""};
	assert_int_equal(start(&talk, &proxy, NULL, "192.0.2.1:25"), DIAL_WAITS);
	ASSERT_SAID(&talk, "\5\1\0");
	assert_int_equal(HEAR(&talk, "\5"), DIAL_WAITS);
	assert_int_equal(talk.used, 0);
	assert_int_equal(HEAR(&talk, "\5\0"), DIAL_WAITS);
	assert_int_equal(talk.used, 2);
	ASSERT_SAID(&talk, "\5\1\0\1\300\0\2\1\0\31");
	assert_int_equal(HEAR(&talk, "\5\0\0\1\1\2\3"), DIAL_WAITS);
	assert_int_equal(HEAR(&talk, "\5\0\0\1\1\2\3\4\5\6"
				     "220 hi\r\n"),
			 DIAL_DONE);
	assert_int_equal(talk.used, 10);
	buf_done(&talk.out);
}

static void test_socks_with_a_login_and_a_name_in_the_answer(void **state)
{
	(void)state;
	struct talk talk;
	const struct egress_proxy proxy = {
		.kind = SOURCE_SOCKS5, .user = "out1", .password = "secret"};
	assert_int_equal(start(&talk, &proxy, NULL, "[2001:db8::1]:25"), DIAL_WAITS);
	ASSERT_SAID(&talk, "\5\2\0\2");
	assert_int_equal(HEAR(&talk, "\5\2"), DIAL_WAITS);
	ASSERT_SAID(&talk, "\1\4out1\6secret");
	assert_int_equal(HEAR(&talk, "\1\0"), DIAL_WAITS);
	ASSERT_SAID(&talk, "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\31");
	assert_int_equal(HEAR(&talk, "\5\0\0\3\4name\0\31"), DIAL_DONE);
	assert_int_equal(talk.used, 11);
	buf_done(&talk.out);
}

static void test_refusals_of_the_proxy_are_told(void **state)
{
	(void)state;
	struct talk talk;
	const struct egress_proxy proxy = {.kind = SOURCE_SOCKS5, .user = "", .password = ""};
	static const struct {
		const char *first, *second;
		size_t first_len, second_len;
	} cases[] = {
		{"\5\377", NULL, 2, 0},	      /* no method that we offer */
		{"\5\2", NULL, 2, 0},	      /* a login, and we have none */
		{"HTTP", NULL, 4, 0},	      /* something else */
		{"\5\0", "\5\5", 2, 2},	      /* the host refused */
		{"\5\0", "\5\0\0\7\0", 2, 5}, /* an address of no kind */
		{"\5\0", "\1\0", 2, 2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		talk.why.text[0] = '\0';
		assert_int_equal(start(&talk, &proxy, NULL, "192.0.2.1:25"), DIAL_WAITS);
		enum dial_state told = hear(&talk, cases[i].first, cases[i].first_len);
		if (cases[i].second)
			told = hear(&talk, cases[i].second, cases[i].second_len);
		assert_int_equal(told, DIAL_FAILED);
		assert_true(talk.why.text[0] != '\0');
		buf_done(&talk.out);
	}
}

static void test_the_header_tells_the_source(void **state)
{
	(void)state;
	struct talk talk;
	const struct egress_proxy proxy = {.kind = SOURCE_PROXY_V2, .user = "", .password = ""};
	assert_int_equal(start(&talk, &proxy, "198.51.100.7", "192.0.2.1:25"), DIAL_DONE);
	ASSERT_SAID(&talk, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\7\xc0\0\2\1\0\0\0\31");
	buf_done(&talk.out);
	assert_int_equal(start(&talk, &proxy, "198.51.100.7", "[2001:db8::1]:25"), DIAL_FAILED);
	buf_done(&talk.out);
	assert_int_equal(start(&talk, &proxy, NULL, "192.0.2.1:25"), DIAL_FAILED);
	buf_done(&talk.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socks_without_a_login),
		cmocka_unit_test(test_socks_with_a_login_and_a_name_in_the_answer),
		cmocka_unit_test(test_refusals_of_the_proxy_are_told),
		cmocka_unit_test(test_the_header_tells_the_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
