/* Replies: the same whether they come whole or byte by byte, bounded, and harmless to show. */
#include "lib/mail/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum err parse_whole(struct bytes in, struct reply *ret, size_t *ret_used)
{
	struct reply_parser parser;
	reply_parser_init(&parser);
	return reply_parse(&parser, in, ret_used, ret);
}

/* One more byte each time, as a slow peer would send it, with what was used thrown away. */
static enum err parse_slowly(struct bytes in, struct reply *ret)
{
	struct reply_parser parser;
	reply_parser_init(&parser);
	size_t start = 0;
	for (size_t end = 0; end <= in.len; end++) {
		size_t used = 0;
		enum err err =
			reply_parse(&parser, bytes_from(in.data + start, end - start), &used, ret);
		if (err != E_NOT_FOUND)
			return err;
		start += used;
	}
	return E_NOT_FOUND;
}

static void test_a_reply_is_read_whole_or_byte_by_byte(void **state)
{
	static const struct {
		const char *in;
		unsigned code;
		const char *enhanced, *text;
		unsigned lines;
	} cases[] = {
		{"250 ok\r\n", 250, "", "ok", 1},
		{"250 ok\n", 250, "", "ok", 1},
		{"250\r\n", 250, "", "", 1},
		{"250 \r\n", 250, "", "", 1},
		{"250-\r\n250\r\n", 250, "", "\n", 2},
		{"250-a\r\n250-b\n250 c\r\n", 250, "", "a\nb\nc", 3},
		{"550 5.1.1 No such user\r\n", 550, "5.1.1", "No such user", 1},
		{"550-5.1.1 No such user\r\n550 5.1.1 here\r\n", 550, "5.1.1", "No such user\nhere",
		 2},
		{"550-see below\r\n550 5.1.1 here\r\n", 550, "5.1.1", "see below\nhere", 2},
		{"550-5.1.1 a\r\n550 5.7.1 b\r\n", 550, "5.1.1", "a\n5.7.1 b", 2},
		{"250 4.1.1 class does not fit\r\n", 250, "", "4.1.1 class does not fit", 1},
		{"550 5.1.1\r\n", 550, "5.1.1", "", 1},
		{"550 5.7.123: no\r\n", 550, "5.7.123", ": no", 1},
		{"550 5.7.1.9 is listed\r\n", 550, "", "5.7.1.9 is listed", 1},
		{"550 5.7.1a\r\n", 550, "", "5.7.1a", 1},
		{"550 5.7.1234 x\r\n", 550, "", "5.7.1234 x", 1},
		{"421 4.7.0 slow down\r\n", 421, "4.7.0", "slow down", 1},
		{"354 go\r\n", 354, "", "go", 1},
		{"599 x\r\n", 599, "", "x", 1},
		{"250 a\tb\x1b[2J\x7f\r\n", 250, "", "a b?[2J?", 1},
		{"250 caf\xc3\xa9 \xe2\x82\xac\r\n", 250, "", "caf\xc3\xa9 \xe2\x82\xac", 1},
		{"250 caf\xe9 \xc2\x9b \xc3\r\n", 250, "", "caf? ?? ?", 1},
		{"250 a\rb\r\n", 250, "", "a?b", 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reply whole, slow;
		size_t used = 0;
		struct bytes in = bytes_of(cases[i].in);
		char enhanced[16];
		if (parse_whole(in, &whole, &used) != OK)
			fail_msg("%s was refused", cases[i].in);
		assert_int_equal(used, in.len);
		assert_int_equal(whole.code, cases[i].code);
		enhanced_code_text(whole.enhanced, enhanced);
		assert_string_equal(enhanced, cases[i].enhanced);
		assert_string_equal(whole.text, cases[i].text);
		assert_int_equal(whole.text_len, strlen(cases[i].text));
		assert_int_equal(whole.line_count, cases[i].lines);
		assert_int_equal(parse_slowly(in, &slow), OK);
		assert_string_equal(slow.text, whole.text);
		assert_int_equal(slow.code, whole.code);
		assert_int_equal(slow.line_count, whole.line_count);
	}
}

static void test_what_is_not_smtp_is_refused(void **state)
{
	static const char *const cases[] = {
		"\r\n",
		"25\r\n",
		"199 a\r\n",
		"600 a\r\n",
		"000 a\r\n",
		"2500 a\r\n",
		"25a a\r\n",
		" 250 a\r\n",
		"250a\r\n",
		"250_a\r\n",
		"250\ta\r\n",
		"-250 a\r\n",
		"+25 a\r\n",
		"HTTP/1.1 200 OK\r\n",
		"250-a\r\n251 b\r\n",
		"250-a\r\n550 b\r\n",
		"250-a\r\nb\r\n",
		"100 continue\r\n",
		"\x16\x03\x01\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reply reply;
		size_t used = 0;
		if (parse_whole(bytes_of(cases[i]), &reply, &used) != E_MALFORMED)
			fail_msg("%s was taken", cases[i]);
		assert_int_equal(parse_slowly(bytes_of(cases[i]), &reply), E_MALFORMED);
	}
	struct reply reply;
	size_t used = 0;
	assert_int_equal(parse_whole(bytes_from("25\0 a\r\n", 7), &reply, &used), E_MALFORMED);
}

static void test_pipelined_replies_are_taken_one_by_one(void **state)
{
	struct bytes in = BYTES("250-a\r\n250 b\r\n550 no\r\n354");
	struct reply_parser parser;
	struct reply reply;
	size_t used = 0;
	(void)state;
	reply_parser_init(&parser);
	assert_int_equal(reply_parse(&parser, in, &used, &reply), OK);
	assert_string_equal(reply.text, "a\nb");
	in = bytes_skip(in, used);
	assert_int_equal(reply_parse(&parser, in, &used, &reply), OK);
	assert_int_equal(reply.code, 550);
	assert_string_equal(reply.text, "no");
	in = bytes_skip(in, used);
	assert_int_equal(reply_parse(&parser, in, &used, &reply), E_NOT_FOUND);
	assert_int_equal(used, 0);
}

static void test_an_endless_line_is_refused(void **state)
{
	char text[REPLY_LINE_MAX + 1];
	struct reply reply;
	size_t used = 0;
	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, "250 ", 4);
	assert_int_equal(parse_whole(bytes_from(text, REPLY_LINE_MAX - 1), &reply, &used),
			 E_NOT_FOUND);
	assert_int_equal(parse_whole(bytes_from(text, REPLY_LINE_MAX), &reply, &used), E_MALFORMED);
	text[REPLY_LINE_MAX - 1] = '\n';
	assert_int_equal(parse_whole(bytes_from(text, REPLY_LINE_MAX), &reply, &used), OK);
	text[REPLY_LINE_MAX - 1] = 'a';
	text[REPLY_LINE_MAX] = '\n';
	assert_int_equal(parse_whole(bytes_from(text, sizeof text), &reply, &used), E_MALFORMED);
}

static void test_an_endless_reply_is_refused(void **state)
{
	struct reply_parser parser;
	struct reply reply;
	size_t used = 0;
	(void)state;
	reply_parser_init(&parser);
	for (int i = 0; i < REPLY_LINES_MAX; i++)
		assert_int_equal(reply_parse(&parser, BYTES("250-x\r\n"), &used, &reply),
				 E_NOT_FOUND);
	assert_int_equal(reply_parse(&parser, BYTES("250 x\r\n"), &used, &reply), E_MALFORMED);
}

static void test_further_text_is_dropped_at_a_character(void **state)
{
	char text[2048];
	struct reply reply;
	size_t used = 0;
	(void)state;
	size_t len = (size_t)snprintf(text, sizeof text, "250-%0997d\r\n", 0);
	len += (size_t)snprintf(text + len, sizeof text - len, "250-\xe2\x82\xac\r\n250 x\r\n");
	assert_int_equal(parse_whole(bytes_from(text, len), &reply, &used), OK);
	assert_int_equal(used, len);
	assert_int_equal(reply.line_count, 3);
	assert_true(reply.text_len <= REPLY_TEXT_MAX);
	assert_int_equal(strlen(reply.text), reply.text_len);
	assert_true(bytes_is_utf8(bytes_of(reply.text)));
}

static void test_enhanced_codes_are_told_from_what_looks_like_one(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: none */
	} cases[] = {
		{"4.7.1", "4.7.1"},
		{"4.7.1 x", "4.7.1"},
		{"5.0.0\r\n", "5.0.0"},
		{"2.1.5;", "2.1.5"},
		{"5.999.999", "5.999.999"},
		{"5.1.1.", "5.1.1"},
		{"1.7.1", NULL},
		{"3.7.1", NULL},
		{"6.7.1", NULL},
		{"4.7", NULL},
		{"4.7.", NULL},
		{"4..1", NULL},
		{".7.1", NULL},
		{"", NULL},
		{" 4.7.1", NULL},
		{"4.7.1.2", NULL},
		{"4.7.x", NULL},
		{"44.7.1", NULL},
		{"4.7.1b", NULL},
		{"4.1000.1", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct enhanced_code code = {0};
		char text[16];
		bool is_one = enhanced_code_parse(bytes_of(cases[i].in), &code);
		enhanced_code_text(code, text);
		assert_int_equal(is_one, cases[i].out != NULL);
		assert_string_equal(text, cases[i].out ? cases[i].out : "");
	}
}

static void test_ehlo_lines_give_limits_and_ways_to_log_in(void **state)
{
	struct reply reply;
	struct ehlo_capabilities can;
	size_t used = 0;
	(void)state;
	assert_int_equal(
		parse_whole(BYTES("250-x\r\n250-LIMITS rcptmax=20  MAILMAX=3 X=1 RCPTDOMAINMAX=\r\n"
				  "250-AUTH CRAM-MD5 plain LOGINS\r\n250-REQUIRETLS\r\n"
				  "250-MT-PRIORITY MIXER\r\n250 BINARYMIME\r\n"),
			    &reply, &used),
		OK);
	ehlo_parse(&reply, &can);
	assert_int_equal(can.rcpt_max, 20);
	assert_int_equal(can.mail_max, 3);
	assert_int_equal(can.rcpt_domain_max, 0);
	assert_true(can.auth_plain && can.requiretls && can.mt_priority && can.binarymime);
	assert_false(can.auth_login);
}

static void test_ehlo_lines_give_capabilities(void **state)
{
	struct reply reply;
	struct ehlo_capabilities can;
	size_t used = 0;
	(void)state;
	assert_int_equal(parse_whole(BYTES("250-PIPELINING is my name\r\n250-pipelining\r\n"
					   "250-SIZE 10485760\r\n250-StartTLS\r\n250-8BITMIME\r\n"
					   "250-AUTH PLAIN LOGIN\r\n250-CHUNKINGX\r\n250 DSN\r\n"),
				     &reply, &used),
			 OK);
	ehlo_parse(&reply, &can);
	assert_true(can.pipelining && can.size && can.starttls && can.eightbitmime && can.dsn);
	assert_false(can.smtputf8 || can.chunking || can.enhancedstatuscodes);
	assert_int_equal(can.size_max_bytes, 10485760);
	assert_string_equal(can.keywords, "pipelining,SIZE,StartTLS,8BITMIME,AUTH,CHUNKINGX,DSN");

	assert_int_equal(parse_whole(BYTES("250-STARTTLS\r\n250 SIZE\r\n"), &reply, &used), OK);
	ehlo_parse(&reply, &can);
	assert_false(can.starttls); /* the first line is the host's name */
	assert_true(can.size);
	assert_int_equal(can.size_max_bytes, 0);

	assert_int_equal(
		parse_whole(BYTES("250-x\r\n250 SIZE 99999999999999999999999\r\n"), &reply, &used),
		OK);
	ehlo_parse(&reply, &can);
	assert_int_equal(can.size_max_bytes, 0);
}

static void test_more_keywords_than_there_is_room_for_are_left_out(void **state)
{
	struct ehlo_capabilities can;
	struct reply reply = {.code = 250};
	(void)state;
	size_t len =
		(size_t)snprintf(reply.text, sizeof reply.text, "x\nGOOD\nB AD\nB\xc3\xa9\nB,AD");
	for (int i = 0; i < 30; i++)
		len += (size_t)snprintf(reply.text + len, sizeof reply.text - len,
					"\nXKEYWORD-%02d", i);
	reply.text_len = len;
	ehlo_parse(&reply, &can);
	assert_memory_equal(can.keywords, "GOOD,B,XKEYWORD-00,", 19);
	assert_true(strlen(can.keywords) < EHLO_KEYWORDS_SIZE);
	assert_string_equal(can.keywords + strlen(can.keywords) - 11, "XKEYWORD-19");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reply_is_read_whole_or_byte_by_byte),
		cmocka_unit_test(test_what_is_not_smtp_is_refused),
		cmocka_unit_test(test_pipelined_replies_are_taken_one_by_one),
		cmocka_unit_test(test_an_endless_line_is_refused),
		cmocka_unit_test(test_an_endless_reply_is_refused),
		cmocka_unit_test(test_further_text_is_dropped_at_a_character),
		cmocka_unit_test(test_enhanced_codes_are_told_from_what_looks_like_one),
		cmocka_unit_test(test_ehlo_lines_give_capabilities),
		cmocka_unit_test(test_more_keywords_than_there_is_room_for_are_left_out),
		cmocka_unit_test(test_ehlo_lines_give_limits_and_ways_to_log_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
