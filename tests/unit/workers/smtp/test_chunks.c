/* Bodies by BDAT: when, how they are cut, what replies to chunks mean, and every way in which a remote host can go wrong at them. */
#include "tests/unit/workers/smtp/fixture_smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define MAIL "MAIL FROM:<sender@x.example>\r\n"
#define A    "RCPT TO:<a@x.example>\r\n"
#define B    "RCPT TO:<b@x.example>\r\n"
#define LINE "0123456789012345678901234567890123456789012345678901234567890\r\n"

static char *large; /* some chunks long */
static size_t large_len;

static int make_large(void **state)
{
	(void)state;
	size_t count = 700 * 1024 / strlen(LINE);
	large = memory_new(count * strlen(LINE) + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(large + i * strlen(LINE), LINE, strlen(LINE));
	large_len = count * strlen(LINE);
	return 0;
}

static int free_large(void **state)
{
	(void)state;
	free(large);
	return 0;
}

/* Ready, with everything by BDAT. */
static void chunking(struct smtp_fixture *f, const char *capabilities)
{
	f->options.chunking = SMTP_CHUNKS_ALWAYS;
	be_ready(f, capabilities);
}

/* Takes a chunk off the wire. Gives its length; *ret_is_last. */
static size_t take_chunk(struct smtp_fixture *f, bool *ret_is_last)
{
	char command[100];
	struct bytes wire = buf_bytes(&f->wire);
	ptrdiff_t end = bytes_find(wire, '\n');
	size_t len;
	char last[10] = "";
	assert_true(end > 0 && end < 90);
	assert_true(bytes_to_cstr(bytes_first(wire, (size_t)end - 1), command, sizeof command));
	assert_true(sscanf(command, "BDAT %zu %9s", &len, last) >= 1);
	assert_true(last[0] == '\0' || strcmp(last, "LAST") == 0);
	*ret_is_last = last[0] != '\0';
	assert_true(f->wire.len >= (size_t)end + 1 + len);
	buf_consume(&f->wire, (size_t)end + 1 + len);
	return len;
}

/* ---- which mail goes so ---- */

static void test_a_small_body_is_one_chunk_without_dots_doubled(void **state)
{
	struct smtp_fixture *f = *state;
	chunking(f, "CHUNKING\r\nPIPELINING");
	f->transaction.content = BYTES(".\r\na\nb");
	submit(f, "a@x.example", "b@x.example");
	assert_sent(f, MAIL A B);
	remote_says(f, "250 ok", "250 ok", "550 no");
	assert_sent(f, "BDAT 9 LAST\r\n.\r\na\r\nb\r\n");
	assert_int_equal(f->deadline_ms, f->timeouts.body);
	remote_says(f, "250 queued");
	assert_result(f, "a@x.example", 250);
	assert_result(f, "b@x.example", 550);
	assert_int_equal(f->transaction_done_count, 1);
	submit(f, "a@x.example");
	assert_sent(f, MAIL A);
}

static void test_no_body_goes_out_for_nobody(void **state)
{
	struct smtp_fixture *f = *state;
	chunking(f, "CHUNKING\r\nPIPELINING");
	submit(f, "a@x.example");
	assert_sent(f, MAIL A);
	remote_says(f, "250 ok", "550 no");
	assert_sent(f, "");
	submit(f, "a@x.example");
	assert_sent(f, "RSET\r\n" MAIL A);
}

static void test_which_mail_goes_by_chunks(void **state)
{
	static const struct {
		enum smtp_chunking chunking;
		const char *offers;
		bool is_large, is_binary, avoids, is_lmtp;
		const char *sent; /* behind the recipient */
	} cases[] = {
		{SMTP_CHUNKS_NEVER, "CHUNKING", true, false, false, false, "DATA"},
		{SMTP_CHUNKS_BINARY, "CHUNKING", true, false, false, false, "DATA"},
		{SMTP_CHUNKS_LARGE, "CHUNKING", true, false, false, false, "BDAT"},
		{SMTP_CHUNKS_LARGE, "CHUNKING", false, false, false, false, "DATA"},
		{SMTP_CHUNKS_LARGE, "8BITMIME", true, false, false, false, "DATA"},
		{SMTP_CHUNKS_ALWAYS, "CHUNKING", false, false, false, false, "BDAT"},
		{SMTP_CHUNKS_ALWAYS, "CHUNKING", false, false, true, false, "DATA"},
		{SMTP_CHUNKS_ALWAYS, "CHUNKING", false, false, false, true, "DATA"},
		{SMTP_CHUNKS_BINARY, "CHUNKING\r\nBINARYMIME", false, true, false, false, "BDAT"},
	};
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f->options.chunking = cases[i].chunking;
		f->options.is_lmtp = cases[i].is_lmtp;
		be_ready(f, cases[i].offers);
		f->transaction.is_binary = cases[i].is_binary;
		f->transaction.avoids_chunks = cases[i].avoids;
		if (cases[i].is_large)
			f->transaction.content = bytes_from(large, large_len);
		submit(f, "a@x.example");
		remote_says(f, "250 ok");
		buf_clear(&f->wire);
		remote_says(f, "250 ok");
		assert_memory_equal(buf_bytes(&f->wire).data, cases[i].sent, 4);
		buf_clear(&f->wire);
		f->options.is_lmtp = false;
	}
}

static void test_binary_mail_goes_as_it_is_or_not_at_all(void **state)
{
	static const char *const offers[] = {"CHUNKING", "BINARYMIME", "8BITMIME"};
	struct smtp_fixture *f = *state;
	chunking(f, "CHUNKING\r\nBINARYMIME\r\n8BITMIME\r\nPIPELINING");
	f->transaction.content = BYTES("A: b\r\n\r\n\n.\r\r\n\nx");
	f->transaction.is_binary = f->transaction.eightbit = true;
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example> BODY=BINARYMIME\r\n" A);
	remote_says(f, "250 ok", "250 ok");
	assert_sent(f, "BDAT 15 LAST\r\nA: b\r\n\r\n\n.\r\r\n\nx");
	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		chunking(f, offers[i]);
		f->transaction.is_binary = true;
		submit(f, "a@x.example");
		assert_sent(f, "");
		assert_result(f, "a@x.example", 554);
		assert_true(outcome_of(f, "a@x.example")->wants_lines);
	}
}

/* ---- large bodies ---- */

static void begin_large(struct smtp_fixture *f, const char *capabilities)
{
	chunking(f, capabilities);
	f->transaction.content = bytes_from(large, large_len);
	submit(f, "a@x.example");
	remote_says(f, "250 ok");
	buf_clear(&f->wire);
	remote_says(f, "250 ok");
}

static void test_a_large_body_is_cut_and_two_chunks_are_on_their_way(void **state)
{
	struct smtp_fixture *f = *state;
	bool is_last;
	begin_large(f, "CHUNKING\r\nPIPELINING");
	size_t len = take_chunk(f, &is_last);
	assert_false(is_last);
	len += take_chunk(f, &is_last);
	assert_false(is_last);
	assert_sent(f, "");
	remote_says(f, "250 got it");
	assert_sent(f, ""); /* the last one waits for both */
	remote_says(f, "250 got it");
	len += take_chunk(f, &is_last);
	assert_true(is_last);
	assert_int_equal(len, large_len);
	assert_int_equal(f->transaction_done_count, 0);
	remote_says(f, "250 queued");
	assert_result(f, "a@x.example", 250);
	assert_int_equal(outcome_of(f, "a@x.example")->step, SMTP_STEP_BODY);
	assert_true(smtp_session_is_reusable(f->session));
}

static void test_without_pipelining_each_chunk_is_waited_for(void **state)
{
	struct smtp_fixture *f = *state;
	bool is_last = false;
	size_t count = 0;
	begin_large(f, "CHUNKING");
	while (!is_last) {
		(void)take_chunk(f, &is_last);
		assert_sent(f, "");
		remote_says(f, "250 ok");
		count++;
	}
	assert_int_equal(count, 3);
	assert_result(f, "a@x.example", 250);
}

static void test_a_refused_chunk_is_the_answer_and_no_other_follows(void **state)
{
	static const char *const replies[] = {"452 4.3.1 full", "552 5.3.4 too big",
					      "554 5.7.1 no"};
	struct smtp_fixture *f = *state;
	bool is_last;
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		begin_large(f, "CHUNKING\r\nPIPELINING");
		(void)take_chunk(f, &is_last);
		(void)take_chunk(f, &is_last);
		remote_says(f, replies[i]);
		assert_result(f, "a@x.example", (unsigned)atoi(replies[i]));
		assert_int_equal(outcome_of(f, "a@x.example")->step, SMTP_STEP_CHUNK);
		assert_int_equal(f->transaction_done_count, 0);
		remote_says(f, "503 no transaction");
		assert_sent(f, "");
		assert_still_open(f);
		assert_int_equal(f->transaction_done_count, 1);
	}
	begin_large(f, "CHUNKING");
	(void)take_chunk(f, &is_last);
	remote_says(f, "452 4.3.1 full");
	assert_true(smtp_session_is_reusable(f->session));
	f->transaction.content = BYTES("x\r\n");
	submit(f, "a@x.example");
	assert_sent(f, "RSET\r\n");
}

static void test_a_chunk_that_is_refused_while_it_goes_out(void **state)
{
	struct smtp_fixture *f = *state;
	chunking(f, "CHUNKING");
	f->transaction.content = bytes_from(large, large_len);
	submit(f, "a@x.example");
	remote_says(f, "250 ok");
	f->room = f->wire.len + 50000;
	remote_says(f, "250 ok");
	assert_int_equal(f->deadline_ms, f->timeouts.block);
	remote_says(f, "552 5.3.4 too big");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_CHUNK, 552, OK);
	assert_result(f, "a@x.example", 552);
}

static void test_a_chunk_under_way_is_sent_to_its_end_after_a_refusal(void **state)
{
	struct smtp_fixture *f = *state;
	bool is_last;
	chunking(f, "CHUNKING\r\nPIPELINING");
	f->transaction.content = bytes_from(large, large_len);
	submit(f, "a@x.example");
	remote_says(f, "250 ok");
	buf_clear(&f->wire);
	f->room = 300000;
	remote_says(f, "250 ok");
	(void)take_chunk(f, &is_last);
	remote_says(f, "452 4.3.1 full");
	assert_result(f, "a@x.example", 452);
	assert_int_equal(f->transaction_done_count, 0);
	drain(f, (size_t)10 << 20);
	(void)take_chunk(f, &is_last);
	assert_sent(f, "");
	remote_says(f, "452 4.3.1 full");
	assert_int_equal(f->transaction_done_count, 1);
	assert_still_open(f);
}

static void test_a_host_that_does_not_know_bdat_gets_no_more_of_it(void **state)
{
	static const char *const replies[] = {"500 what", "502 5.5.1 no", "503 order"};
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		chunking(f, "CHUNKING");
		submit(f, "a@x.example");
		remote_says(f, "250 ok", "250 ok");
		remote_says(f, replies[i]);
		assert_int_equal(f->ended_count, 1);
		assert_true(outcome_of(f, "a@x.example")->wants_data);
	}
}

static void test_a_host_that_does_not_know_bdat_may_say_so_while_a_chunk_goes_out(void **state)
{
	struct smtp_fixture *f = *state;
	chunking(f, "CHUNKING");
	f->transaction.content = bytes_from(large, large_len);
	submit(f, "a@x.example");
	remote_says(f, "250 ok");
	f->room = f->wire.len + 50000;
	remote_says(f, "250 ok");
	remote_says(f, "500 5.5.2 what is that");
	assert_int_equal(f->ended_count, 1);
	assert_true(outcome_of(f, "a@x.example")->wants_data);
}

/* ---- the matrix ---- */

static const struct place {
	unsigned chunks_answered;
	bool is_last; /* the last chunk is on its way */
} places[] = {{0, false}, {1, false}, {2, true}};

static enum smtp_step step_of(const struct place *place)
{
	return place->chunks_answered < 2 ? SMTP_STEP_CHUNK : SMTP_STEP_BODY;
}

static void reach(struct smtp_fixture *f, const struct place *place)
{
	begin_large(f, "CHUNKING\r\nPIPELINING");
	for (unsigned i = 0; i < place->chunks_answered; i++)
		remote_says(f, "250 ok");
	buf_clear(&f->wire);
	assert_still_open(f);
}

/* In doubt once all of the body is on its way. */
static void assert_no_answer(struct smtp_fixture *f, const struct place *place, enum err err)
{
	enum smtp_outcome_kind kind = place->is_last ? SMTP_IN_DOUBT : SMTP_NOT_SENT;
	assert_ended(f, kind, step_of(place), 0, err);
	assert_int_equal(outcome_of(f, "a@x.example")->kind, kind);
	assert_int_equal(f->transaction_done_count, 1);
}

static void test_what_can_go_wrong_at_each_chunk(void **state)
{
	static const char *const garbage[] = {"hello", "25", "999 ok", "354 go", "250-a\r\n251 b"};
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		reach(f, &places[i]);
		smtp_session_timed_out(f->session);
		assert_no_answer(f, &places[i], E_TIMEOUT);
		reach(f, &places[i]);
		remote_hangs_up(f);
		assert_no_answer(f, &places[i], E_CLOSED);
		for (size_t j = 0; j < sizeof garbage / sizeof garbage[0]; j++) {
			reach(f, &places[i]);
			remote_says(f, garbage[j]);
			assert_no_answer(f, &places[i], E_MALFORMED);
		}
		reach(f, &places[i]);
		remote_says(f, "421 4.3.2 going down");
		assert_ended(f, SMTP_REPLIED, step_of(&places[i]), 421, OK);
		assert_result(f, "a@x.example", 421);
	}
}

static void test_a_reply_before_its_chunk_is_sent_is_believed_by_nobody(void **state)
{
	struct smtp_fixture *f = *state;
	chunking(f, "CHUNKING");
	f->transaction.content = bytes_from(large, large_len);
	submit(f, "a@x.example");
	remote_says(f, "250 ok");
	f->room = f->wire.len + 50000;
	remote_says(f, "250 ok", "250 got all of it");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_CHUNK, 0, E_MALFORMED);
	assert_int_equal(outcome_of(f, "a@x.example")->kind, SMTP_NOT_SENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_small_body_is_one_chunk_without_dots_doubled),
		TEST(test_no_body_goes_out_for_nobody),
		TEST(test_which_mail_goes_by_chunks),
		TEST(test_binary_mail_goes_as_it_is_or_not_at_all),
		TEST(test_a_large_body_is_cut_and_two_chunks_are_on_their_way),
		TEST(test_without_pipelining_each_chunk_is_waited_for),
		TEST(test_a_refused_chunk_is_the_answer_and_no_other_follows),
		TEST(test_a_chunk_that_is_refused_while_it_goes_out),
		TEST(test_a_chunk_under_way_is_sent_to_its_end_after_a_refusal),
		TEST(test_a_host_that_does_not_know_bdat_gets_no_more_of_it),
		TEST(test_a_host_that_does_not_know_bdat_may_say_so_while_a_chunk_goes_out),
		TEST(test_what_can_go_wrong_at_each_chunk),
		TEST(test_a_reply_before_its_chunk_is_sent_is_believed_by_nobody),
	};
	return cmocka_run_group_tests(tests, make_large, free_large);
}
