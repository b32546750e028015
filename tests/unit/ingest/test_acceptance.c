/* Acceptance: done says OK only when every group is confirmed, and nobody waits for a broker that
 * cannot. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/acceptance.h"
#include "ingest/encoding.h"
#include "tests/loop_fixture.h"
#include "tests/unit/ingest/fixture_broker.h"

#define PENDING ((enum err)ERR_COUNT)

struct fixture {
	struct loop *loop;
	struct broker broker;
	struct ingest_settings settings;
	struct acceptor *acceptor;
	unsigned idle_count;
};

static void on_idle(void *owner)
{
	((struct fixture *)owner)->idle_count++;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->loop = loop_new();
	f->broker.state = BROKER_READY;
	f->settings.max_unconfirmed = 1000;
	f->settings.max_waiting = 100000;
	f->settings.max_hops = 3;
	f->acceptor = acceptor_new(&(struct acceptor_options){.loop = f->loop,
							      .broker = &f->broker,
							      .settings = &f->settings,
							      .hostname = "mx.example",
							      .idle = on_idle,
							      .owner = f});
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	acceptor_free(&f->acceptor);
	loop_free(&f->loop);
	free(f);
	return 0;
}

/* ---- mails ---- */

static struct mail *mail_to(const char *const *sites, size_t count, size_t bytes)
{
	struct mail *mail = mail_new("smtp", 1000);
	uint8_t *content = calloc(1, bytes);
	for (size_t i = 0; i < count; i++) {
		struct destination destination = {
			.address = BYTES("a@x.example"), .pool = "p", .site = sites[i]};
		mail_add(mail, &destination);
	}
	mail->content = blob_from_bytes(bytes_from(content, bytes));
	free(content);
	return mail;
}

static void on_done(void *owner, enum err err, const struct mail *mail)
{
	enum err *outcome = owner;
	assert_int_equal(*outcome, PENDING);
	assert_true(mail->id[0] != '\0');
	*outcome = err;
}

static struct acceptance *start(struct fixture *f, struct mail *mail, enum err *outcome)
{
	struct acceptance *acceptance = NULL;
	*outcome = PENDING;
	assert_int_equal(acceptance_start(f->acceptor, &mail, on_done, outcome, &acceptance), OK);
	assert_null(mail);
	return acceptance;
}

static const char *const three_sites[] = {"x.example", "y.example", "z.example"};

/* ---- the promises ---- */

static void test_a_mail_is_accepted_when_all_its_groups_are_confirmed(void **state)
{
	struct fixture *f = *state;
	enum err outcome;
	start(f, mail_to(three_sites, 3, 10), &outcome);
	assert_int_equal(f->broker.count, 0); /* not inside the call */
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 3);
	assert_string_equal(f->broker.publications[0].key, "p.x.example");
	assert_int_equal(f->broker.publications[0].exchange, EXCHANGE_DELIVER);
	fake_broker_confirm(&f->broker, 2, OK);
	fake_broker_confirm(&f->broker, 0, OK);
	assert_int_equal(outcome, PENDING);
	fake_broker_confirm(&f->broker, 1, OK);
	assert_int_equal(outcome, OK);
	assert_int_equal(f->idle_count, 1);
	assert_int_equal(acceptor_count(f->acceptor), 0);
}

static void test_one_group_that_is_not_kept_fails_the_mail(void **state)
{
	static const enum err failures[] = {E_UNROUTABLE, E_FULL, E_TIMEOUT, E_AWAY, E_TOO_BIG};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		enum err outcome;
		size_t first = f->broker.count;
		start(f, mail_to(three_sites, 2, 10), &outcome);
		run_turn(f->loop);
		fake_broker_confirm(&f->broker, first, failures[i]);
		assert_int_equal(outcome, PENDING); /* the other may be kept: wait for it */
		fake_broker_confirm(&f->broker, first + 1, OK);
		assert_int_equal(outcome, failures[i]);
	}
}

/* A channel that is closed over one message that is too big fails its neighbours for now only. */
static void test_what_can_never_be_kept_is_told_whatever_its_neighbours_met(void **state)
{
	static const enum err failures[][3] = {{E_CLOSED, E_TOO_BIG, OK},
					       {E_TOO_BIG, E_CLOSED, E_AWAY},
					       {OK, E_CLOSED, E_TOO_BIG}};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		enum err outcome;
		size_t first = f->broker.count;
		start(f, mail_to(three_sites, 3, 10), &outcome);
		run_turn(f->loop);
		for (size_t k = 0; k < 3; k++)
			fake_broker_confirm(&f->broker, first + k, failures[i][k]);
		assert_int_equal(outcome, E_TOO_BIG);
	}
}

static void test_a_suppressed_recipient_gets_a_result_as_part_of_acceptance(void **state)
{
	struct fixture *f = *state;
	enum err outcome;
	struct mail *mail = mail_to(three_sites, 2, 10);
	mail->destinations[1].fate = FATE_SUPPRESSED;
	mail->not_before_wall_ms = 5000;
	start(f, mail, &outcome);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 2);
	assert_true(f->broker.publications[0].not_before_wall_ms == 5000);
	assert_int_equal(f->broker.publications[1].exchange, EXCHANGE_RESULTS);
	assert_string_equal(f->broker.publications[1].key, "suppressed.p.y.example");
	assert_true(f->broker.publications[1].not_before_wall_ms == 0);
	fake_broker_confirm(&f->broker, 0, OK);
	assert_int_equal(outcome, PENDING);
	fake_broker_confirm(&f->broker, 1, OK);
	assert_int_equal(outcome, OK);
}

static void test_no_mail_is_taken_while_the_broker_is_not_ready(void **state)
{
	static const struct {
		enum broker_state state;
		enum err err;
	} cases[] = {{BROKER_AWAY, E_AWAY}, {BROKER_BLOCKED, E_BLOCKED}};
	struct fixture *f = *state;
	for (size_t i = 0; i < 2; i++) {
		struct mail *mail = mail_to(three_sites, 1, 10);
		struct acceptance *acceptance = NULL;
		f->broker.state = cases[i].state;
		assert_int_equal(acceptor_check(f->acceptor), cases[i].err);
		assert_int_equal(acceptance_start(f->acceptor, &mail, on_done, NULL, &acceptance),
				 cases[i].err);
		assert_non_null(mail);
		mail_free(&mail);
	}
}

static void test_a_mail_that_loops_is_refused(void **state)
{
	struct fixture *f = *state;
	struct mail *mail = mail_to(three_sites, 1, 10);
	struct acceptance *acceptance = NULL;
	mail->hops = 4;
	assert_int_equal(acceptance_start(f->acceptor, &mail, on_done, NULL, &acceptance),
			 E_REFUSED);
	mail_free(&mail);
}

static void test_above_the_limit_mail_waits_in_line_and_then_new_mail_is_refused(void **state)
{
	struct fixture *f = *state;
	enum err first, second, third;
	start(f, mail_to(three_sites, 1, 2000), &first);
	start(f, mail_to(three_sites, 1, 600), &second);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 1);
	assert_int_equal(acceptor_check(f->acceptor), OK); /* 600 wait */
	start(f, mail_to(three_sites, 1, 600), &third);
	run_turn(f->loop);
	assert_int_equal(acceptor_check(f->acceptor), E_FULL);
	fake_broker_confirm(&f->broker, 0, OK);
	run_turn(f->loop);
	assert_int_equal(first, OK);
	assert_int_equal(f->broker.count, 3); /* 600 and a head under way are under the limit */
	assert_int_equal(acceptor_check(f->acceptor), OK);
	fake_broker_confirm(&f->broker, 2, OK);
	assert_int_equal(third, OK);
	assert_int_equal(second, PENDING);
	fake_broker_confirm(&f->broker, 1, OK);
	assert_int_equal(second, OK);
}

static void test_a_mail_of_many_groups_is_published_as_room_allows(void **state)
{
	struct fixture *f = *state;
	enum err outcome;
	start(f, mail_to(three_sites, 3, 2000), &outcome);
	for (size_t i = 0; i < 3; i++) {
		run_turn(f->loop);
		assert_int_equal(f->broker.count, i + 1);
		fake_broker_confirm(&f->broker, i, OK);
	}
	assert_int_equal(outcome, OK);
}

static void test_who_waits_in_line_fails_with_the_one_before(void **state)
{
	struct fixture *f = *state;
	enum err first, second;
	start(f, mail_to(three_sites, 3, 2000), &first);
	start(f, mail_to(three_sites, 1, 10), &second);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 1);
	fake_broker_confirm(&f->broker, 0, E_TIMEOUT);
	assert_int_equal(first, E_TIMEOUT);
	assert_int_equal(second, E_TIMEOUT);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 1); /* groups behind the failure are not published */
	assert_int_equal(acceptor_count(f->acceptor), 0);
}

static void test_a_late_part_fails_only_its_own_mail_while_others_are_confirmed(void **state)
{
	struct fixture *f = *state;
	enum err late, other, waiting;
	start(f, mail_to(three_sites, 1, 600), &late);
	start(f, mail_to(three_sites, 1, 600), &other);
	start(f, mail_to(three_sites, 1, 600), &waiting);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 2);
	usleep(2000);
	run_turn(f->loop);
	f->broker.unconfirmed_bytes += 2000; /* of others: no room yet */
	fake_broker_confirm(&f->broker, 1, OK);
	fake_broker_confirm(&f->broker, 0, E_TIMEOUT);
	assert_int_equal(late, E_TIMEOUT);
	assert_int_equal(other, OK);
	assert_int_equal(waiting, PENDING);
	run_turn(f->loop);
	fake_broker_confirm(&f->broker, 2, OK);
	assert_int_equal(waiting, OK);
}

/* Nobody tells us when the publications of others are confirmed. */
static void test_a_broker_full_of_what_others_publish_does_not_stop_the_line(void **state)
{
	struct fixture *f = *state;
	enum err first, second;
	f->broker.unconfirmed_bytes = 5000;
	start(f, mail_to(three_sites, 1, 10), &first);
	start(f, mail_to(three_sites, 1, 10), &second);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 1);
	fake_broker_confirm(&f->broker, 0, OK);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 2);
	fake_broker_confirm(&f->broker, 1, OK);
	assert_int_equal(second, OK);
}

static struct mail *mail_to_many(size_t count, size_t bytes)
{
	static char names[400][16];
	const char *sites[400];
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(names[i], sizeof names[i], "s%zu.example", 1000 + i);
		sites[i] = names[i];
	}
	return mail_to(sites, count, bytes);
}

static void test_a_large_batch_takes_turns_and_has_a_window(void **state)
{
	struct fixture *f = *state;
	enum err large, small;
	f->settings.max_unconfirmed = 1000000;
	start(f, mail_to_many(400, 10), &large);
	start(f, mail_to(three_sites, 1, 10), &small);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 256 + 1);
	assert_string_equal(f->broker.publications[16].key, "p.x.example");
	for (size_t i = 0; i < 400 + 1; i++) {
		fake_broker_confirm(&f->broker, i, OK);
		run_turn(f->loop);
	}
	assert_int_equal(large, OK);
	assert_int_equal(small, OK);
	assert_int_equal(f->broker.count, 401);
}

static void test_what_waits_with_a_full_window_fails_with_the_broker(void **state)
{
	struct fixture *f = *state;
	enum err outcome;
	f->settings.max_unconfirmed = 1000000;
	start(f, mail_to_many(400, 10), &outcome);
	run_turn(f->loop);
	acceptor_broker_changed(f->acceptor, BROKER_AWAY);
	for (size_t i = 0; i < 256; i++)
		fake_broker_confirm(&f->broker, i, i == 0 ? OK : E_CLOSED);
	assert_int_equal(outcome, E_AWAY);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 256);
}

static void test_the_largest_part_goes_alone_before_anything_is_kept(void **state)
{
	static uint8_t variables[3][100];
	struct fixture *f = *state;
	enum err outcome;
	struct mail *mail = mail_to(three_sites, 3, (size_t)1 << 20);
	f->settings.max_unconfirmed = 100000000;
	for (size_t i = 0; i < 3; i++)
		mail->destinations[i].variables = bytes_from(variables[i], i == 1 ? 100 : 10);
	start(f, mail, &outcome);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 1);
	assert_string_equal(f->broker.publications[0].key, "p.y.example");
	fake_broker_confirm(&f->broker, 0, E_TOO_BIG);
	run_turn(f->loop);
	assert_int_equal(outcome, E_TOO_BIG);
	assert_int_equal(f->broker.count, 1);
	start(f, mail_to(three_sites, 3, (size_t)1 << 20), &outcome);
	run_turn(f->loop);
	fake_broker_confirm(&f->broker, 1, OK);
	run_turn(f->loop);
	assert_int_equal(f->broker.count, 4);
	fake_broker_confirm(&f->broker, 2, OK);
	fake_broker_confirm(&f->broker, 3, OK);
	assert_int_equal(outcome, OK);
}

static void test_a_mail_with_a_part_that_cannot_be_written_keeps_nothing(void **state)
{
	struct fixture *f = *state;
	enum err outcome;
	struct mail *mail = mail_to(three_sites, 3, 10);
	uint8_t *variables = calloc(1, ENCODING_HEAD_MAX);
	mail->destinations[2].variables = bytes_from(variables, ENCODING_HEAD_MAX);
	start(f, mail, &outcome);
	run_turn(f->loop);
	assert_int_equal(outcome, E_TOO_BIG);
	assert_int_equal(f->broker.count, 0);
	free(variables);
}

static bool kept[3];

static void note_kept(void *owner, enum err err, const struct mail *mail)
{
	(void)owner;
	assert_int_equal(err, E_TIMEOUT);
	for (size_t i = 0; i < 3; i++)
		kept[i] = mail->destinations[i].is_kept;
}

static void test_who_was_kept_is_told_with_the_failure(void **state)
{
	struct fixture *f = *state;
	struct acceptance *acceptance = NULL;
	struct mail *mail = mail_to(three_sites, 3, 10);
	assert_int_equal(acceptance_start(f->acceptor, &mail, note_kept, NULL, &acceptance), OK);
	run_turn(f->loop);
	fake_broker_confirm(&f->broker, 1, E_TIMEOUT);
	fake_broker_confirm(&f->broker, 0, OK);
	fake_broker_confirm(&f->broker, 2, OK);
	assert_true(kept[0] && !kept[1] && kept[2]);
}

static void test_a_broker_that_blocks_fails_the_line_at_once(void **state)
{
	struct fixture *f = *state;
	enum err first, second;
	start(f, mail_to(three_sites, 1, 2000), &first);
	start(f, mail_to(three_sites, 1, 10), &second);
	run_turn(f->loop);
	f->broker.state = BROKER_BLOCKED;
	acceptor_broker_changed(f->acceptor, BROKER_BLOCKED);
	assert_int_equal(second, E_BLOCKED);
	assert_int_equal(first, PENDING); /* it was published: only the broker knows */
	fake_broker_confirm(&f->broker, 0, E_TIMEOUT);
	assert_int_equal(first, E_TIMEOUT);
}

static void test_a_forgotten_mail_is_published_all_the_same(void **state)
{
	struct fixture *f = *state;
	enum err outcome;
	struct acceptance *acceptance = start(f, mail_to(three_sites, 1, 10), &outcome);
	acceptance_forget(&acceptance);
	run_turn(f->loop);
	fake_broker_confirm(&f->broker, 0, OK);
	assert_int_equal(outcome, PENDING);
	assert_int_equal(acceptor_count(f->acceptor), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_mail_is_accepted_when_all_its_groups_are_confirmed),
		TEST(test_one_group_that_is_not_kept_fails_the_mail),
		TEST(test_what_can_never_be_kept_is_told_whatever_its_neighbours_met),
		TEST(test_a_suppressed_recipient_gets_a_result_as_part_of_acceptance),
		TEST(test_no_mail_is_taken_while_the_broker_is_not_ready),
		TEST(test_a_mail_that_loops_is_refused),
		TEST(test_above_the_limit_mail_waits_in_line_and_then_new_mail_is_refused),
		TEST(test_a_mail_of_many_groups_is_published_as_room_allows),
		TEST(test_who_waits_in_line_fails_with_the_one_before),
		TEST(test_a_late_part_fails_only_its_own_mail_while_others_are_confirmed),
		TEST(test_a_broker_full_of_what_others_publish_does_not_stop_the_line),
		TEST(test_a_large_batch_takes_turns_and_has_a_window),
		TEST(test_what_waits_with_a_full_window_fails_with_the_broker),
		TEST(test_the_largest_part_goes_alone_before_anything_is_kept),
		TEST(test_a_mail_with_a_part_that_cannot_be_written_keeps_nothing),
		TEST(test_who_was_kept_is_told_with_the_failure),
		TEST(test_a_broker_that_blocks_fails_the_line_at_once),
		TEST(test_a_forgotten_mail_is_published_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
