/* Transactions: who gets which outcome, what goes over the wire and when, and in which shape the session is left. */
#include "fixture_smtp.h"

#include <stdlib.h>
#include <string.h>

#define MAIL "MAIL FROM:<sender@x.example>\r\n"
#define A    "RCPT TO:<a@x.example>\r\n"
#define B    "RCPT TO:<b@x.example>\r\n"
#define DATA "DATA\r\n"
#define BODY DEFAULT_CONTENT ".\r\n"

/* ---- one at a time ---- */

static void test_without_pipelining_each_command_waits_for_its_reply(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	assert_sent(f, MAIL);
	assert_int_equal(f->deadline_ms, f->timeouts.mail);
	remote_says(f, "250 ok");
	assert_sent(f, A);
	assert_int_equal(f->deadline_ms, f->timeouts.rcpt);
	remote_says(f, "250 ok");
	assert_sent(f, B);
	remote_says(f, "250 ok");
	assert_sent(f, DATA);
	assert_int_equal(f->deadline_ms, f->timeouts.data);
	remote_says(f, "354 go");
	assert_sent(f, BODY);
	assert_int_equal(f->deadline_ms, f->timeouts.body);
	assert_int_equal(f->transaction_done_count, 0);
	remote_says(f, "250 2.0.0 queued as 17");
	assert_result(f, "a@x.example", 250);
	assert_result(f, "b@x.example", 250);
	assert_string_equal(f->outcomes[0].reply.text, "queued as 17");
	assert_int_equal(f->outcomes[0].step, SMTP_STEP_BODY);
	assert_int_equal(f->transaction_done_count, 1);
	assert_int_equal(f->deadline_ms, 0);
	assert_true(smtp_session_is_reusable(f->session));
}

static void test_one_refused_recipient_does_not_harm_the_other(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "250 ok", "450 later", "354 go", "250 queued");
	assert_result(f, "a@x.example", 250);
	assert_result(f, "b@x.example", 450);
	assert_int_equal(f->outcomes[1].step, SMTP_STEP_RCPT);
	assert_int_equal(f->transaction_done_count, 1);
}

static void test_a_refused_mail_decides_for_all(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "451 4.7.1 slow down");
	assert_result(f, "a@x.example", 451);
	assert_result(f, "b@x.example", 451);
	assert_int_equal(f->outcomes[1].step, SMTP_STEP_MAIL);
	assert_sent(f, MAIL);
	assert_true(smtp_session_is_reusable(f->session));
}

static void test_when_all_recipients_are_refused_no_data_is_sent(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "554 no", "452 no");
	assert_sent(f, MAIL A B);
	assert_result(f, "a@x.example", 554);
	assert_result(f, "b@x.example", 452);
	assert_int_equal(f->transaction_done_count, 1);
}

static void test_the_next_transaction_begins_with_rset_when_one_was_left_open(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "554 no");
	assert_sent(f, MAIL A);
	submit(f, "b@x.example");
	assert_sent(f, "RSET\r\n");
	assert_int_equal(f->deadline_ms, f->timeouts.rset);
	remote_says(f, "250 ok");
	assert_sent(f, MAIL);
	remote_says(f, "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "b@x.example", 250);
	buf_clear(&f->wire);
	submit(f, "a@x.example");
	assert_sent(f, MAIL);
	assert_int_equal(f->ready_count, 1);
}

static void test_a_failed_rset_before_a_transaction_sends_nothing(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "554 no");
	submit(f, "b@x.example");
	remote_says(f, "421 4.4.2 idle too long");
	assert_int_equal(outcome_of(f, "b@x.example")->kind, SMTP_NOT_SENT);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_RSET, 0, E_REFUSED);
}

static void test_a_refused_data_decides_for_the_accepted(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "550 5.1.1 unknown", "250 ok", "451 not now");
	assert_result(f, "a@x.example", 550);
	assert_result(f, "b@x.example", 451);
	assert_int_equal(f->outcomes[1].step, SMTP_STEP_DATA);
	assert_int_equal(f->transaction_done_count, 1);
	assert_sent(f, MAIL A B DATA);
}

static void test_a_refused_body_decides_for_the_accepted(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "450 greylisted", "250 ok", "354 go", "554 5.7.1 spam");
	assert_result(f, "a@x.example", 450);
	assert_result(f, "b@x.example", 554);
	assert_int_equal(f->outcomes[1].step, SMTP_STEP_BODY);
	assert_true(smtp_session_is_reusable(f->session));
}

/* ---- pipelined ---- */

static void test_with_pipelining_the_envelope_goes_in_one_flight(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, "a@x.example", "b@x.example");
	assert_sent(f, MAIL A B DATA);
	assert_int_equal(f->deadline_ms, f->timeouts.mail);
	remote_says(f, "250 ok");
	assert_int_equal(f->deadline_ms, f->timeouts.rcpt);
	remote_says(f, "250 ok", "550 no");
	assert_result(f, "b@x.example", 550);
	assert_int_equal(f->deadline_ms, f->timeouts.data);
	remote_says(f, "354 go");
	assert_sent(f, BODY);
	remote_says(f, "250 queued");
	assert_result(f, "a@x.example", 250);
}

static void test_all_replies_may_come_in_one_piece(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, "a@x.example", "b@x.example");
	remote_sends(f, BYTES("250 ok\r\n250 ok\r\n250-b\r\n250 ok\r\n354 go\r\n"));
	assert_sent(f, MAIL A B DATA BODY);
	remote_says(f, "250 queued");
	assert_result(f, "a@x.example", 250);
	assert_result(f, "b@x.example", 250);
}

static void test_a_pipelined_data_of_no_recipients_is_refused_by_the_remote(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "551 no", "551 no");
	assert_int_equal(f->transaction_done_count, 0);
	remote_says(f, "503 no recipients");
	assert_result(f, "a@x.example", 551);
	assert_int_equal(f->transaction_done_count, 1);
	assert_sent(f, MAIL A B DATA);
	assert_true(smtp_session_is_reusable(f->session));
	submit(f, "a@x.example");
	assert_sent(f, "RSET\r\n" MAIL A DATA);
}

static void test_a_pipelined_data_of_no_recipients_that_is_taken_gets_a_lone_dot(void **state)
{
	struct smtp_fixture *f = *state;
	static const char *const answers[] = {"554 no recipients", "250 whatever"};
	for (size_t i = 0; i < 2; i++) {
		be_ready(f, "PIPELINING");
		submit(f, "a@x.example", "b@x.example");
		remote_says(f, "250 ok", "551 no", "452 no", "354 go");
		assert_sent(f, MAIL A B DATA ".\r\n");
		assert_int_equal(f->transaction_done_count, 0);
		remote_says(f, answers[i]);
		assert_result(f, "a@x.example", 551);
		assert_result(f, "b@x.example", 452);
		assert_int_equal(f->transaction_done_count, 1);
		assert_still_open(f);
		submit(f, "a@x.example");
		assert_sent(f, MAIL A DATA);
	}
}

static void test_a_lone_dot_that_is_not_answered_leaves_nothing_in_doubt(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "550 no", "354 go");
	smtp_session_timed_out(f->session);
	assert_result(f, "a@x.example", 550);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_BODY, 0, E_TIMEOUT);
}

static void test_what_follows_a_refused_mail_in_the_pipeline_is_ignored(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "452 4.3.1 disk full");
	assert_result(f, "a@x.example", 452);
	assert_result(f, "b@x.example", 452);
	remote_says(f, "503 no", "250 strange", "503 no");
	assert_int_equal(f->transaction_done_count, 1);
	assert_true(smtp_session_is_reusable(f->session));
	assert_sent(f, MAIL A B DATA);
}

static void test_the_session_is_in_step_before_the_next_transaction(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, "a@x.example");
	remote_says(f, "550 no", "503 no", "354 go");
	assert_sent(f, MAIL A DATA ".\r\n");
	assert_int_equal(f->transaction_done_count, 0);
	remote_says(f, "503 no");
	assert_int_equal(f->transaction_done_count, 1);
}

static void test_many_recipients_go_in_flights_of_bounded_length(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit_many(f, 250);
	unsigned refused = 0;
	remote_says(f, "250 ok");
	for (unsigned i = 0; i < 250; i++) {
		bool is_refused = i % 3 == 0;
		remote_says(f, is_refused ? "452 4.2.2 over quota" : "250 ok");
		refused += is_refused;
		assert_int_equal(f->transaction_done_count, 0);
	}
	remote_says(f, "354 go", "250 queued");
	assert_int_equal(f->transaction_done_count, 1);
	for (unsigned i = 0; i < 250; i++)
		assert_int_equal(f->outcomes[i].reply.code, i % 3 == 0 ? 452 : 250);
	assert_int_equal(refused, 84);
	struct bytes wire = buf_bytes(&f->wire);
	assert_non_null(memmem(wire.data, wire.len, "RCPT TO:<249@x.example>\r\nDATA\r\n", 31));
}

/* ---- parameters of MAIL, and what is answered here ---- */

static void test_mail_says_what_the_remote_understands(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "SIZE 1000\r\n8BITMIME\r\nSMTPUTF8");
	f->transaction.eightbit = true;
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example> SIZE=22 BODY=8BITMIME\r\n");
	be_ready(f, "SIZE\r\n8BITMIME\r\nSMTPUTF8");
	submit(f, "j\xc3\xb6rg@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example> SIZE=22 SMTPUTF8\r\n");
	be_ready(f, "SMTPUTF8");
	f->transaction.smtputf8 = f->transaction.eightbit = true;
	f->transaction.sender = BYTES_NONE;
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<> SMTPUTF8\r\n");
}

static void test_a_message_over_the_size_limit_is_refused_without_asking(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING\r\nSIZE 21");
	submit(f, "a@x.example", "b@x.example");
	assert_sent(f, "");
	assert_result(f, "a@x.example", 552);
	assert_result(f, "b@x.example", 552);
	assert_int_equal(f->outcomes[0].reply.enhanced.class, 5);
	assert_int_equal(f->outcomes[0].reply.enhanced.subject, 3);
	assert_int_equal(f->outcomes[0].reply.enhanced.detail, 4);
	assert_string_equal(f->outcomes[0].reply.text,
			    "22 bytes are over the remote host's SIZE limit of 21");
	assert_int_equal(f->transaction_done_count, 1);
	assert_true(smtp_session_is_reusable(f->session));
	f->transaction.content = BYTES("Subject: small\r\n\r\nhi\r\n");
	f->transaction.content.len = 20;
	submit(f, "a@x.example");
	assert_sent(f, "MAIL FROM:<sender@x.example> SIZE=20\r\n" A DATA);
}

/* Whatever a queue hands over, no address becomes a second command or a parameter. */
static void test_an_address_that_could_be_a_command_never_goes_out(void **state)
{
	struct smtp_fixture *f = *state;
	static const char *const bad[] = {"a@x.example>\r\nRCPT TO:<c@x.example",
					  "a@x.example> NOTIFY=NEVER",
					  "a@x\n.example",
					  "",
					  "a",
					  "@x.example",
					  "a b@x.example"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		be_ready(f, "PIPELINING");
		submit(f, bad[i], "b@x.example", bad[i]);
		assert_sent(f, MAIL B DATA);
		assert_result(f, bad[i], 553);
		remote_says(f, "250 ok", "250 ok", "354 go", "250 queued");
		assert_result(f, "b@x.example", 250);
		assert_int_equal(f->outcomes[2].reply.code, 553);
		assert_int_equal(f->transaction_done_count, 1);
	}
	be_ready(f, "PIPELINING");
	f->transaction.sender = bytes_of(bad[0]);
	submit(f, "b@x.example");
	assert_sent(f, "");
	assert_result(f, "b@x.example", 553);
	be_ready(f, "PIPELINING");
	submit(f, bad[0], bad[1]);
	assert_sent(f, "");
	assert_int_equal(f->transaction_done_count, 1);
}

/* ---- the body ---- */

static void test_bodies_are_stuffed_and_ended(void **state)
{
	struct smtp_fixture *f = *state;
	static const struct {
		const char *content, *wire;
	} cases[] = {
		{"", ".\r\n"},
		{"Subject: a\r\n\r\n.b", "Subject: a\r\n\r\n..b\r\n.\r\n"},
		{"a\r\n.\r\n", "a\r\n..\r\n.\r\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		be_ready(f, NULL);
		f->transaction.content = bytes_of(cases[i].content);
		submit(f, "a@x.example");
		remote_says(f, "250 ok", "250 ok");
		buf_clear(&f->wire);
		remote_says(f, "354 go");
		assert_sent(f, cases[i].wire);
		remote_says(f, "250 queued");
		assert_result(f, "a@x.example", 250);
	}
}

static void test_a_big_body_goes_out_as_the_output_drains(void **state)
{
	struct smtp_fixture *f = *state;
	size_t size = (size_t)8 << 20;
	char *content = malloc(size);
	assert_non_null(content);
	for (size_t i = 0; i < size; i++)
		content[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : i % 80 == 0 ? '.' : 'x';
	be_ready(f, NULL);
	f->transaction.content = bytes_from(content, size);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "250 ok");
	buf_clear(&f->wire);
	f->room = (size_t)64 << 10;
	remote_says(f, "354 go");
	unsigned drains = 0;
	while (f->deadline_ms == f->timeouts.block) {
		assert_true(++drains < 1000);
		f->deadline_ms = 0;
		drain(f, (size_t)64 << 10);
		assert_true(f->deadline_ms == f->timeouts.block ||
			    f->deadline_ms == f->timeouts.body);
	}
	assert_in_range(drains, 100, 200);
	/* Every line has a dot to double; the last is cut short. */
	size_t lines = size / 80 + 1;
	assert_int_equal(f->wire.len, size + lines + strlen("\r\n.\r\n"));
	assert_int_equal(f->deadline_ms, f->timeouts.body);
	remote_says(f, "250 queued");
	assert_result(f, "a@x.example", 250);
	free(content);
}

static void test_time_runs_when_the_remote_takes_nothing_more_of_a_body(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "250 ok");
	f->room = 5;
	remote_says(f, "354 go");
	assert_int_equal(f->deadline_ms, f->timeouts.block);
	f->deadline_ms = -1;
	drain(f, 5);
	assert_int_equal(f->deadline_ms, -1);
	smtp_session_timed_out(f->session);
	assert_int_equal(outcome_of(f, "a@x.example")->kind, SMTP_NOT_SENT);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_BODY, 0, E_TIMEOUT);
}

static void test_doubt_begins_with_the_final_dot(void **state)
{
	struct smtp_fixture *f = *state;
	for (int with_dot = 0; with_dot <= 1; with_dot++) {
		be_ready(f, NULL);
		submit(f, "a@x.example", "b@x.example");
		remote_says(f, "250 ok", "550 no", "250 ok");
		f->room = strlen(BODY) - !with_dot;
		remote_says(f, "354 go");
		remote_hangs_up(f);
		enum smtp_outcome_kind kind = with_dot ? SMTP_IN_DOUBT : SMTP_NOT_SENT;
		assert_result(f, "a@x.example", 550);
		assert_int_equal(outcome_of(f, "b@x.example")->kind, kind);
		assert_ended(f, kind, SMTP_STEP_BODY, 0, E_CLOSED);
	}
}

static void test_a_remote_may_refuse_a_body_before_its_end(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "250 ok");
	f->room = 5;
	remote_says(f, "354 go", "552 5.3.4 too big");
	assert_result(f, "a@x.example", 552);
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_BODY, 552, OK);
}

/* ---- reuse and the end ---- */

static void test_replies_about_syntax_and_order_spoil_the_session(void **state)
{
	struct smtp_fixture *f = *state;
	static const struct {
		const char *reply;
		bool is_reusable;
	} cases[] = {{"550 no", true},	{"450 no", true},  {"452 no", true},  {"552 no", true},
		     {"500 no", false}, {"503 no", false}, {"501 no", false}, {"555 no", false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		be_ready(f, NULL);
		submit(f, "a@x.example");
		remote_says(f, "250 ok", cases[i].reply);
		assert_int_equal(f->transaction_done_count, 1);
		assert_int_equal(smtp_session_is_reusable(f->session), cases[i].is_reusable);
		assert_still_open(f);
	}
}

static void test_quit_is_said_by_idle_sessions_and_not_waited_for(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	smtp_session_quit(f->session);
	assert_sent(f, "QUIT\r\n");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_QUIT, 221, OK);
	be_ready(f, NULL);
	submit(f, "a@x.example");
	smtp_session_quit(f->session);
	assert_sent(f, MAIL);
	assert_int_equal(outcome_of(f, "a@x.example")->kind, SMTP_NOT_SENT);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_MAIL, 0, E_CLOSED);
	smtp_session_quit(f->session);
	remote_hangs_up(f);
	smtp_session_timed_out(f->session);
	remote_says(f, "250 ok");
	assert_int_equal(f->ended_count, 1);
}

static void test_an_idle_session_may_end_from_the_other_side(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	remote_hangs_up(f);
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_QUIT, 221, OK);
	be_ready(f, NULL);
	remote_says(f, "421 4.4.2 idle too long");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_RSET, 421, OK);
}

static void test_a_farewell_behind_the_last_reply_harms_nobody(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "250 ok", "354 go");
	remote_sends(f, BYTES("250 queued\r\n421 bye\r\n"));
	assert_result(f, "a@x.example", 250);
	assert_int_equal(f->transaction_done_count, 1);
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_RSET, 421, OK);
}

static void quit(struct smtp_fixture *f)
{
	smtp_session_quit(f->session);
}

static void test_a_holder_may_quit_inside_any_upcall(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	f->on_recipient_done = quit;
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250 ok", "550 no");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_RCPT, 0, E_CLOSED);
	be_ready(f, NULL);
	submit(f, "", "b@x.example"); /* the first is answered at once */
	assert_sent(f, "");
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_MAIL, 0, E_CLOSED);
	be_ready(f, "SIZE 1");
	submit(f, "a@x.example", "b@x.example");
	assert_int_equal(f->done_counts[1], 1);
	assert_ended(f, SMTP_NOT_SENT, SMTP_STEP_MAIL, 0, E_CLOSED);
	f->on_recipient_done = NULL;
	f->on_transaction_done = quit;
	be_ready(f, NULL);
	submit(f, "a@x.example");
	remote_says(f, "550 no");
	assert_sent(f, MAIL "QUIT\r\n");
	assert_ended(f, SMTP_REPLIED, SMTP_STEP_QUIT, 221, OK);
}

static void send_again(struct smtp_fixture *f)
{
	if (f->transaction_done_count < 3)
		submit(f, "a@x.example");
}

static void test_a_holder_may_send_the_next_inside_the_upcall(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	f->on_transaction_done = send_again;
	submit(f, "a@x.example");
	remote_says(f, "250 ok", "250 ok", "354 go", "250 queued");
	assert_int_equal(f->transaction_done_count, 1);
	assert_sent(f, MAIL A DATA BODY MAIL A DATA);
	remote_says(f, "250 ok", "550 no", "554 no");
	assert_int_equal(f->transaction_done_count, 2);
	assert_sent(f, "RSET\r\n" MAIL A DATA);
	remote_says(f, "250 ok", "550 no", "503 no", "503 no");
	assert_int_equal(f->transaction_done_count, 3);
	assert_int_equal(f->done_counts[0], 1);
}

/* ---- bytes ---- */

static void talk(struct smtp_fixture *f, size_t chunk)
{
	f->chunk = chunk;
	f->on_transaction_done = NULL;
	begin_session(f, SMTP_TLS_OPPORTUNISTIC);
	smtp_session_connected(f->session);
	remote_says(f, "220-remote\r\n220 hi", "250-remote\r\n250-STARTTLS\r\n250 SIZE 100",
		    "220 go");
	smtp_session_secured(f->session);
	remote_says(f, "250-remote\r\n250-8BITMIME\r\n250-SIZE 1000\r\n250 PIPELINING");
	submit(f, "a@x.example", "b@x.example");
	remote_says(f, "250-2.1.0 fine\r\n250 2.1.0 ok", "250 ok", "550-5.1.1 no\r\n550 5.1.1 such",
		    "354 go");
	remote_says(f, "250 2.0.0 queued");
	smtp_session_resume(f->session, true);
	smtp_session_go_on(f->session);
	remote_says(f, "250 ok");
	remote_hangs_up(f);
}

static void test_it_is_the_same_conversation_one_byte_at_a_time(void **state)
{
	struct smtp_fixture *f = *state;
	talk(f, 0);
	char wire[2000], story[2000];
	assert_true(bytes_to_cstr(buf_bytes(&f->wire), wire, sizeof wire));
	assert_true(bytes_to_cstr(buf_bytes(&f->story), story, sizeof story));
	assert_int_equal(f->ready_count, 2);
	for (size_t chunk = 1; chunk <= 7; chunk++) {
		talk(f, chunk);
		assert_sent(f, wire);
		char again[2000];
		assert_true(bytes_to_cstr(buf_bytes(&f->story), again, sizeof again));
		assert_string_equal(again, story);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_without_pipelining_each_command_waits_for_its_reply),
		TEST(test_one_refused_recipient_does_not_harm_the_other),
		TEST(test_a_refused_mail_decides_for_all),
		TEST(test_when_all_recipients_are_refused_no_data_is_sent),
		TEST(test_the_next_transaction_begins_with_rset_when_one_was_left_open),
		TEST(test_a_failed_rset_before_a_transaction_sends_nothing),
		TEST(test_a_refused_data_decides_for_the_accepted),
		TEST(test_a_refused_body_decides_for_the_accepted),
		TEST(test_with_pipelining_the_envelope_goes_in_one_flight),
		TEST(test_all_replies_may_come_in_one_piece),
		TEST(test_a_pipelined_data_of_no_recipients_is_refused_by_the_remote),
		TEST(test_a_pipelined_data_of_no_recipients_that_is_taken_gets_a_lone_dot),
		TEST(test_a_lone_dot_that_is_not_answered_leaves_nothing_in_doubt),
		TEST(test_what_follows_a_refused_mail_in_the_pipeline_is_ignored),
		TEST(test_the_session_is_in_step_before_the_next_transaction),
		TEST(test_many_recipients_go_in_flights_of_bounded_length),
		TEST(test_mail_says_what_the_remote_understands),
		TEST(test_a_message_over_the_size_limit_is_refused_without_asking),
		TEST(test_an_address_that_could_be_a_command_never_goes_out),
		TEST(test_bodies_are_stuffed_and_ended),
		TEST(test_a_big_body_goes_out_as_the_output_drains),
		TEST(test_time_runs_when_the_remote_takes_nothing_more_of_a_body),
		TEST(test_doubt_begins_with_the_final_dot),
		TEST(test_a_remote_may_refuse_a_body_before_its_end),
		TEST(test_replies_about_syntax_and_order_spoil_the_session),
		TEST(test_quit_is_said_by_idle_sessions_and_not_waited_for),
		TEST(test_an_idle_session_may_end_from_the_other_side),
		TEST(test_a_farewell_behind_the_last_reply_harms_nobody),
		TEST(test_a_holder_may_quit_inside_any_upcall),
		TEST(test_a_holder_may_send_the_next_inside_the_upcall),
		TEST(test_it_is_the_same_conversation_one_byte_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
