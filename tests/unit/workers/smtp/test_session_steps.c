/* The matrix: every step of the conversation meets every way in which a remote host can go wrong. */
#include "fixture_smtp.h"

#include <stdio.h>
#include <string.h>

#define RECIPIENT "a@x.example"

/* Where the conversation is when things go wrong: what the remote answered until then. */
static const struct place {
	const char *name;
	enum smtp_step step;
	unsigned answers_count; /* of good_answers */
	const char *good;	/* the answer that would be right here */
	bool has_mail;		/* a transaction is under way */
	bool is_reset;
} places[] = {
	{"greeting", SMTP_STEP_GREETING, 0, "220 hi", false, false},
	{"ehlo", SMTP_STEP_EHLO, 1, "250-hi\r\n250 STARTTLS", false, false},
	{"starttls", SMTP_STEP_STARTTLS, 2, "220 go", false, false},
	{"ehlo under tls", SMTP_STEP_EHLO, 3, "250 hi", false, false},
	{"mail", SMTP_STEP_MAIL, 4, "250 ok", true, false},
	{"rcpt", SMTP_STEP_RCPT, 5, "250 ok", true, false},
	{"data", SMTP_STEP_DATA, 6, "354 go", true, false},
	{"body", SMTP_STEP_BODY, 7, "250 queued", true, false},
	{"rset", SMTP_STEP_RSET, 4, "250 ok", true, true},
};
#define PLACES_COUNT (sizeof places / sizeof places[0])

static const char *const good_answers[] = {
	"220 hi", "250-hi\r\n250 STARTTLS", "220 go", "250 hi", "250 ok", "250 ok", "354 go"};

static void reach(struct smtp_fixture *f, const struct place *place)
{
	begin_session(f, SMTP_TLS_OPPORTUNISTIC);
	smtp_session_connected(f->session);
	for (unsigned i = 0; i < place->answers_count; i++) {
		remote_says(f, good_answers[i]);
		if (f->wants_tls) {
			f->wants_tls = false;
			smtp_session_secured(f->session);
		}
		if (i == 3 && place->is_reset) {
			smtp_session_resume(f->session, true);
			smtp_session_go_on(f->session);
		}
		if (i == 3)
			submit(f, RECIPIENT);
	}
	assert_still_open(f);
	assert_true(f->deadline_ms > 0);
}

/* No answer: in doubt when the final dot was sent, and never otherwise. */
static void assert_no_answer(struct smtp_fixture *f, const struct place *place, enum err err)
{
	enum smtp_outcome_kind kind = place->step == SMTP_STEP_BODY ? SMTP_IN_DOUBT : SMTP_NOT_SENT;
	assert_ended(f, kind, place->step, 0, err);
	assert_int_equal(f->transaction_done_count, place->has_mail ? 1 : 0);
	if (!place->has_mail)
		return;
	assert_int_equal(outcome_of(f, RECIPIENT)->kind, kind);
	assert_int_equal(outcome_of(f, RECIPIENT)->step, place->step);
	assert_int_equal(outcome_of(f, RECIPIENT)->err, err);
}

static void test_silence(void **state)
{
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		reach(f, &places[i]);
		smtp_session_timed_out(f->session);
		assert_no_answer(f, &places[i], E_TIMEOUT);
	}
}

static void test_hang_up(void **state)
{
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		reach(f, &places[i]);
		remote_sends(f, BYTES("2")); /* half an answer is none */
		remote_hangs_up(f);
		assert_no_answer(f, &places[i], E_CLOSED);
	}
}

static void test_garbage(void **state)
{
	struct smtp_fixture *f = *state;
	static const char *const garbage[] = {
		"hello", "", "25", "2500 ok", "999 ok", "150 ok", "250-a\r\n251 b"};
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		for (size_t j = 0; j < sizeof garbage / sizeof garbage[0]; j++) {
			reach(f, &places[i]);
			remote_says(f, garbage[j]);
			assert_no_answer(f, &places[i], E_MALFORMED);
		}
	}
}

static void test_a_reply_of_the_wrong_kind(void **state)
{
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		reach(f, &places[i]);
		remote_says(f, places[i].step == SMTP_STEP_DATA ? "250 ok" : "354 go");
		assert_no_answer(f, &places[i], E_MALFORMED);
	}
}

static void test_an_endless_reply(void **state)
{
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		reach(f, &places[i]);
		for (unsigned line = 0; line < 100000 && f->ended_count == 0; line++)
			remote_says(f, places[i].step == SMTP_STEP_DATA ? "354-go" : "250-ok");
		assert_no_answer(f, &places[i], E_MALFORMED);
	}
}

static void test_an_endless_line(void **state)
{
	struct smtp_fixture *f = *state;
	static uint8_t line[REPLY_LINE_MAX + 100];
	memset(line, '2', sizeof line);
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		reach(f, &places[i]);
		remote_sends(f, bytes_from(line, sizeof line));
		assert_no_answer(f, &places[i], E_MALFORMED);
	}
}

static void test_421_ends_the_session_and_is_the_answer_for_its_mail(void **state)
{
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		const struct place *place = &places[i];
		reach(f, place);
		remote_says(f, "421 4.3.2 going down");
		if (place->is_reset) {
			assert_no_answer(f, place, E_CLOSED);
			continue;
		}
		assert_ended(f, SMTP_REPLIED, place->step, 421, OK);
		if (place->has_mail)
			assert_result(f, RECIPIENT, 421);
	}
}

static void assert_refused(struct smtp_fixture *f, const struct place *place, unsigned code)
{
	if (place->is_reset) {
		assert_no_answer(f, place, E_REFUSED);
	} else if (place->has_mail) {
		assert_result(f, RECIPIENT, code);
		assert_int_equal(outcome_of(f, RECIPIENT)->step, place->step);
		assert_int_equal(f->transaction_done_count, 1);
		assert_still_open(f);
		assert_true(smtp_session_is_reusable(f->session));
	} else if (place->step == SMTP_STEP_STARTTLS) {
		assert_int_equal(f->ready_count, 1);
		assert_still_open(f);
	} else {
		assert_ended(f, SMTP_REPLIED, place->step, code, OK);
	}
}

static void test_refusals(void **state)
{
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		reach(f, &places[i]);
		remote_says(f, "451 4.3.0 later");
		assert_refused(f, &places[i], 451);
		reach(f, &places[i]);
		remote_says(f, "554 5.3.0 never");
		assert_refused(f, &places[i], 554);
	}
}

/* The answer to a question that was not asked yet: it would be taken for the next step's. */
static void test_an_early_reply(void **state)
{
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < PLACES_COUNT; i++) {
		const struct place *place = &places[i];
		reach(f, place);
		char both[200];
		(void)snprintf(both, sizeof both, "%s\r\n250 early\r\n", place->good);
		remote_sends(f, bytes_of(both));
		if (place->step == SMTP_STEP_STARTTLS) {
			assert_still_open(f);
			continue;
		}
		assert_int_equal(f->ended_count, 1);
		assert_int_equal(f->ended.kind, SMTP_NOT_SENT);
		assert_int_equal(f->ended.err, E_MALFORMED);
		if (place->step == SMTP_STEP_BODY)
			assert_result(f, RECIPIENT, 250);
		else if (place->has_mail)
			assert_int_equal(outcome_of(f, RECIPIENT)->kind, SMTP_NOT_SENT);
	}
}

static void test_every_step_has_a_name(void **state)
{
	(void)state;
	for (unsigned step = 0; step < SMTP_STEP_COUNT; step++)
		assert_true(strlen(smtp_step_name((enum smtp_step)step)) > 0);
	assert_string_equal(smtp_step_name(SMTP_STEP_BODY), "body");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_silence),
		TEST(test_hang_up),
		TEST(test_garbage),
		TEST(test_a_reply_of_the_wrong_kind),
		TEST(test_an_endless_reply),
		TEST(test_an_endless_line),
		TEST(test_421_ends_the_session_and_is_the_answer_for_its_mail),
		TEST(test_refusals),
		TEST(test_an_early_reply),
		TEST(test_every_step_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
