/* Message data: one true end, no smuggling, no line lost, and the same outcome wherever the network
 * cuts. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/data.h"

#define BYTES_MAX      1000
#define LINE_MAX_BYTES 20 /* the tail of attacks is longer: that is the least of their faults */

struct outcome {
	char content[4096];
	size_t content_len;
	size_t used;
	bool has_ended;
	struct smtpd_data data;
};

static void keep(void *owner, struct bytes span)
{
	struct outcome *outcome = owner;
	assert_true(outcome->content_len + span.len <= sizeof outcome->content);
	memcpy(outcome->content + outcome->content_len, span.data, span.len);
	outcome->content_len += span.len;
}

/* Feed `in` in pieces of `piece` bytes, each in memory of its own, so that a read past its end
 * shows. */
static void feed(struct outcome *outcome, struct bytes in, size_t piece)
{
	memset(outcome, 0, sizeof *outcome);
	smtpd_data_init(&outcome->data, BYTES_MAX, LINE_MAX_BYTES, false);
	while (in.len > 0 && !outcome->has_ended) {
		struct bytes part = bytes_first(in, piece);
		uint8_t *copy = malloc(part.len);
		assert_non_null(copy);
		memcpy(copy, part.data, part.len);
		size_t used = smtpd_data_feed(&outcome->data, bytes_from(copy, part.len), keep,
					      outcome, &outcome->has_ended);
		free(copy);
		assert_true(used == part.len || outcome->has_ended);
		outcome->used += used;
		in = bytes_skip(in, used);
	}
}

struct data_case {
	const char *text;
	size_t len;
	const char *content; /* NULL: refused */
	const char *enhanced;
	size_t used; /* 0: it has not ended */
};
#define CASE(text, content, enhanced, used)                                                        \
	{                                                                                          \
		(text), sizeof(text) - 1, (content), (enhanced), (used)                            \
	}
#define ALL(text) (sizeof(text) - 1)

/* Each is followed by what an attacker would like to be read as commands. */
#define TAIL "MAIL FROM:<evil@x.example>\r\n.\r\n"

static const struct data_case cases[] = {
	/* plain */
	CASE(".\r\n", "", "", 3),
	CASE("a\r\n.\r\n", "a\r\n", "", 6),
	CASE("a\r\n\r\nb\r\n.\r\nQUIT\r\n", "a\r\n\r\nb\r\n", "", 11),
	CASE("\r\n.\r\n", "\r\n", "", 5),
	/* dots */
	CASE("..\r\n.\r\n", ".\r\n", "", 7),
	CASE(".a\r\n.\r\n", "a\r\n", "", 7),
	CASE("...\r\n..b\r\n.\r\n", "..\r\n.b\r\n", "", 13),
	CASE("a.\r\n.\r\n", "a.\r\n", "", 7),
	CASE("a\r\n. \r\n.\r\n", "a\r\n \r\n", "", 10),
	CASE("a\r\n.", "a\r\n", "", 0),
	CASE("a\r\n.\r", "a\r\n", "", 0),
	CASE("a\r", "a\r", "", 0),
	/* smuggling: none of these ends the message, all of them refuse it */
	CASE("a\n.\n" TAIL, NULL, "5.5.2", ALL("a\n.\n" TAIL)),
	CASE("a\n.\r\n" TAIL, NULL, "5.5.2", ALL("a\n.\r\n" TAIL)),
	CASE("a\r\n.\n" TAIL, NULL, "5.5.2", ALL("a\r\n.\n" TAIL)),
	CASE("a\r.\r" TAIL, NULL, "5.5.2", ALL("a\r.\r" TAIL)),
	CASE("a\r.\r\n" TAIL, NULL, "5.5.2", ALL("a\r.\r\n" TAIL)),
	CASE("a\r\n.\r" TAIL, NULL, "5.5.2", ALL("a\r\n.\r" TAIL)),
	CASE("a\r\n.\r\r\n" TAIL, NULL, "5.5.2", ALL("a\r\n.\r\r\n" TAIL)),
	CASE("a\r\n\0.\r\n" TAIL, NULL, "5.6.0", ALL("a\r\n\0.\r\n" TAIL)),
	CASE("a\r\n.\0\r\n" TAIL, NULL, "5.6.0", ALL("a\r\n.\0\r\n" TAIL)),
	CASE("a\r\0\n.\r\n" TAIL, NULL, "5.5.2", ALL("a\r\0\n.\r\n" TAIL)),
	CASE("a\r\n.\r\0\n" TAIL, NULL, "5.5.2", ALL("a\r\n.\r\0\n" TAIL)),
	CASE("a\n\r.\r\n" TAIL, NULL, "5.5.2", ALL("a\n\r.\r\n" TAIL)),
	CASE("a\n\n.\r\n" TAIL, NULL, "5.5.2", ALL("a\n\n.\r\n" TAIL)),
	CASE(".\n" TAIL, NULL, "5.5.2", ALL(".\n" TAIL)),
	CASE("\n.\r\n" TAIL, NULL, "5.5.2", ALL("\n.\r\n" TAIL)),
	/* here CR LF . CR LF stands for itself, whatever is before it: it ends, and is refused for
	   the CR */
	CASE("a\r\r\n.\r\nQUIT\r\n", NULL, "5.5.2", 7),
	CASE("a\n\r\n.\r\nQUIT\r\n", NULL, "5.5.2", 7),
	/* limits */
	CASE("12345678901234567890\r\n.\r\n", "12345678901234567890\r\n", "", 25),
	CASE(".12345678901234567890\r\n.\r\n", "12345678901234567890\r\n", "", 26),
	CASE("123456789012345678901\r\n.\r\n", NULL, "5.6.0", 26),
	CASE("a\0b\r\n.\r\n", NULL, "5.6.0", 8),
};

static void check_case(const struct data_case *c, size_t piece)
{
	struct outcome outcome;
	feed(&outcome, bytes_from(c->text, c->len), piece);
	struct smtpd_reply reply = smtpd_data_objection(&outcome.data);
	bool is_right = outcome.has_ended == (c->used > 0) && (!c->used || outcome.used == c->used);
	if (c->content)
		is_right = is_right && reply.code == 0 &&
			   bytes_is(bytes_from(outcome.content, outcome.content_len), c->content);
	else
		is_right = is_right && reply.code == 550 &&
			   strncmp(reply.text, c->enhanced, strlen(c->enhanced)) == 0;
	if (!is_right)
		print_error("case %td, pieces of %zu: ended %d at %zu, %u %s\n", c - cases, piece,
			    outcome.has_ended, outcome.used, reply.code, reply.text);
	assert_true(is_right);
}

static void test_only_crlf_dot_crlf_ends_a_message_wherever_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t piece = 1; piece <= cases[i].len + 1; piece++)
			check_case(&cases[i], piece);
}

/* Every message of up to seven bytes over the four that matter, cut everywhere: the end is where a
 * plain search finds it, and what is taken in full is what was sent. */
static void test_all_short_messages_agree_with_a_plain_search(void **state)
{
	static const char alphabet[] = {'\r', '\n', '.', 'a'};
	(void)state;
	for (unsigned number = 0; number < 1u << 14; number++) {
		char text[2 + 7 + 1] = "\r\n"; /* the end of the DATA command */
		for (unsigned i = 0; i < 7; i++)
			text[2 + i] = alphabet[number >> (2 * i) & 3];
		const char *end = strstr(text, "\r\n.\r\n");
		size_t wanted = end ? (size_t)(end - text) + 5 - 2 : 0;
		struct outcome whole, cut;
		feed(&whole, bytes_from(text + 2, 7), 7);
		feed(&cut, bytes_from(text + 2, 7), 1);
		assert_int_equal(whole.has_ended, end != NULL);
		assert_int_equal(cut.has_ended, end != NULL);
		if (end)
			assert_int_equal(whole.used, wanted);
		assert_int_equal(whole.used, cut.used);
		assert_int_equal(smtpd_data_objection(&whole.data).code,
				 smtpd_data_objection(&cut.data).code);
		if (!smtpd_objects(smtpd_data_objection(&whole.data)))
			assert_true(bytes_equal(bytes_from(whole.content, whole.content_len),
						bytes_from(cut.content, cut.content_len)));
	}
}

static void test_a_message_over_the_limit_is_read_to_its_end_and_not_kept(void **state)
{
	char text[4096];
	size_t len = 0;
	(void)state;
	while (len < BYTES_MAX + 1) {
		memcpy(text + len, "0123456789\r\n", 12);
		len += 12;
	}
	memcpy(text + len, ".\r\n", 3);
	len += 3;
	for (size_t piece = 1; piece < 2000; piece += 113) {
		struct outcome outcome;
		feed(&outcome, bytes_from(text, len), piece);
		assert_true(outcome.has_ended);
		assert_int_equal(outcome.used, len);
		assert_int_equal(smtpd_data_objection(&outcome.data).code, 552);
		assert_true(outcome.content_len <= BYTES_MAX);
	}
}

static void test_facts_of_the_message_are_seen(void **state)
{
	static const char text[] = "Received: by a\r\nreceived : by b\r\nSubject: x\r\n\r\n"
				   "Received: no\r\n\xc3\xa4\r\n.\r\n";
	(void)state;
	for (size_t piece = 1; piece < sizeof text; piece++) {
		struct outcome outcome;
		feed(&outcome, BYTES(text), piece);
		assert_int_equal(outcome.data.header.received_count, 2);
		assert_true(outcome.data.has_8bit);
		assert_int_equal(outcome.data.bytes, sizeof text - 1 - 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_crlf_dot_crlf_ends_a_message_wherever_it_is_cut),
		cmocka_unit_test(test_all_short_messages_agree_with_a_plain_search),
		cmocka_unit_test(test_a_message_over_the_limit_is_read_to_its_end_and_not_kept),
		cmocka_unit_test(test_facts_of_the_message_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
