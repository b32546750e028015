/* Connections: how many, in whose turn, what a failed one means, and what is reused. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#define SETTINGS                                                                                   \
	"workers: {max_sessions: 4}\n"                                                             \
	"sites:\n  default: {connections: 3, tls: opportunistic, connection_idle: 2s}\n"           \
	"  strict: {domains: [strict.example], tls: required}\n"

static int setup(void **state)
{
	(void)state;
	world_open(SETTINGS);
	errands_open((struct lanes_options){0});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	errands_close();
	world_close();
	return 0;
}

static void submit(size_t index, const char *recipient)
{
	(void)errand_submit(index, recipient, NULL, &first_source);
}

static void test_a_site_gets_no_more_sessions_than_its_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++)
		submit(i, "ok@x.example");
	world_turn(20);
	assert_int_equal(errands_done(), 20);
	assert_int_equal(world.open_max, 3);
	assert_int_equal(world.sent_count, 20);
}

static void test_the_worker_s_limit_holds_over_all_lanes_and_each_gets_its_turn(void **state)
{
	(void)state;
	world.is_mute = true;
	world.may_not_go_on = false;
	for (size_t i = 0; i < 12; i++)
		submit(i, i % 2 ? "ok@x.example" : "ok@y.example");
	world_turn(20);
	assert_int_equal(world.open_max, 4);
	assert_int_equal(world.sent_count, 4);
	world_answer();
	world_turn(600);
	assert_int_equal(errands_done(), 12);
	assert_int_equal(world.open_max, 4);
}

static void test_an_idle_session_is_reused(void **state)
{
	(void)state;
	submit(0, "ok@x.example");
	world_turn(10);
	submit(1, "ok@x.example");
	world_turn(10);
	assert_int_equal(errands_done(), 2);
	assert_int_equal(world.opened_count, 1);
	assert_int_equal(world.reused_count, 1);
}

static void test_lanes_that_share_a_host_share_its_sessions(void **state)
{
	(void)state;
	submit(0, "ok@x.example");
	world_turn(10);
	submit(1, "ok@y.example");
	world_turn(10);
	assert_int_equal(world.opened_count, 1);
	assert_int_equal(world.reused_count, 1);
}

static void test_when_nobody_lets_us_in_all_who_wait_are_told(void **state)
{
	(void)state;
	world.open_err = E_TIMEOUT;
	for (size_t i = 0; i < 5; i++)
		(void)errand_submit(i, "ok@x.example", "ok2@x.example", &first_source);
	world_turn(20);
	assert_int_equal(errands_done(), 5);
	assert_int_equal(world.sent_count, 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(errands[i].told, 2);
		assert_int_equal(errands[i].last[0].kind, SMTP_NOT_SENT);
		assert_string_equal(errands[i].step, "connect");
	}
	world.open_err = OK;
	submit(5, "ok@x.example");
	world_turn(20);
	assert_int_equal(errands[5].last[0].reply.code, 250);
}

static void test_one_connection_that_opens_does_the_work_of_those_that_do_not(void **state)
{
	(void)state;
	world.open_err = E_CLOSED;
	world.fail_count = 2;
	for (size_t i = 0; i < 5; i++)
		submit(i, "ok@x.example");
	world_turn(20);
	assert_int_equal(errands_done(), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(errands[i].last[0].reply.code, 250);
}

static void test_opportunistic_tls_that_fails_is_followed_by_one_try_in_the_clear(void **state)
{
	(void)state;
	world.fails_tls = true;
	submit(0, "ok@x.example");
	world_turn(20);
	assert_int_equal(errands[0].last[0].reply.code, 250);
	assert_int_equal(world.opened_count, 2);
	assert_int_equal(world.opened_in_clear_count, 1);
}

static void test_required_tls_that_fails_never_goes_in_the_clear(void **state)
{
	(void)state;
	world.fails_tls = true;
	submit(0, "ok@strict.example");
	world_turn(20);
	assert_int_equal(errands[0].done, 1);
	assert_int_equal(errands[0].last[0].kind, SMTP_NOT_SENT);
	assert_string_equal(errands[0].step, "starttls");
	assert_int_equal(world.opened_in_clear_count, 0);
}

static void test_a_session_cut_between_mails_costs_no_attempt(void **state)
{
	(void)state;
	world.dies_in_use = true;
	for (size_t i = 0; i < 6; i++)
		submit(i, "ok@x.example");
	world_turn(50);
	assert_int_equal(errands_done(), 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(errands[i].told, 1);
		assert_int_equal(errands[i].last[0].reply.code, 250);
	}
}

static void test_a_new_session_that_is_cut_is_told_to_its_mail_only(void **state)
{
	(void)state;
	submit(0, "cut@x.example");
	world_turn(20);
	submit(1, "ok@x.example");
	world_turn(20);
	assert_int_equal(errands[0].told, 1);
	assert_int_equal(errands[0].last[0].kind, SMTP_NOT_SENT);
	assert_string_equal(errands[0].step, "mail");
	assert_int_equal(errands[1].last[0].reply.code, 250);
}

static void test_recipients_of_a_broken_transaction_keep_their_own_outcomes(void **state)
{
	(void)state;
	(void)errand_submit(0, "no@x.example", "doubt@x.example", &first_source);
	world_turn(20);
	assert_int_equal(errands[0].told, 2);
	assert_int_equal(errands[0].last[0].reply.code, 550);
	assert_int_equal(errands[0].last[1].kind, SMTP_IN_DOUBT);
}

static void test_held_lanes_begin_nothing_until_they_are_let_go(void **state)
{
	(void)state;
	lanes_hold(lanes, true);
	submit(0, "ok@x.example");
	world_turn(300);
	assert_int_equal(world.opened_count, 0);
	lanes_hold(lanes, false);
	world_turn(20);
	assert_int_equal(errands_done(), 1);
}

static void test_only_what_waits_can_be_withdrawn(void **state)
{
	(void)state;
	world.is_mute = true;
	for (size_t i = 0; i < 4; i++)
		submit(i, "ok@x.example");
	world_turn(20);
	assert_false(transaction_withdraw(&errands[0].transaction));
	assert_true(transaction_withdraw(&errands[3].transaction));
	world_answer();
	world_turn(20);
	assert_int_equal(errands_done(), 3);
	assert_int_equal(errands[3].done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_site_gets_no_more_sessions_than_its_limit),
		TEST(test_the_worker_s_limit_holds_over_all_lanes_and_each_gets_its_turn),
		TEST(test_an_idle_session_is_reused),
		TEST(test_lanes_that_share_a_host_share_its_sessions),
		TEST(test_when_nobody_lets_us_in_all_who_wait_are_told),
		TEST(test_one_connection_that_opens_does_the_work_of_those_that_do_not),
		TEST(test_opportunistic_tls_that_fails_is_followed_by_one_try_in_the_clear),
		TEST(test_required_tls_that_fails_never_goes_in_the_clear),
		TEST(test_a_session_cut_between_mails_costs_no_attempt),
		TEST(test_a_new_session_that_is_cut_is_told_to_its_mail_only),
		TEST(test_recipients_of_a_broken_transaction_keep_their_own_outcomes),
		TEST(test_held_lanes_begin_nothing_until_they_are_let_go),
		TEST(test_only_what_waits_can_be_withdrawn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
