/* Transactions that are not ready when their turn comes: the session waits for them, and whatever happens meanwhile, each is sent or done
 * once. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#define SETTINGS "sites:\n  default: {connections: 1, connection_idle: 2s}\n"

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

static struct errand *submit(size_t index, enum preparation preparation)
{
	errands[index].preparation = preparation;
	return errand_submit(index, "ok@x.example", NULL, &first_source);
}

/* As its owner does: from then on it can be asked for at any time. */
static void say_prepared(struct errand *errand, bool can_be_sent)
{
	errand->preparation = can_be_sent ? PREPARED : PREPARED_NEVER;
	transaction_prepared(&errand->transaction, can_be_sent);
}

static void assert_sent(const struct errand *errand)
{
	assert_int_equal(errand->told, 1);
	assert_int_equal(errand->done, 1);
	assert_int_equal(errand->last[0].reply.code, 250);
}

static void test_it_is_sent_when_it_is_prepared(void **state)
{
	(void)state;
	struct errand *first = submit(0, PREPARED_LATER), *second = submit(1, PREPARED);
	world_turn(20);
	assert_int_equal(world.sent_count, 0);
	assert_false(transaction_withdraw(&first->transaction));
	say_prepared(first, true);
	world_turn(20);
	assert_sent(first);
	assert_sent(second);
	assert_int_equal(first->asked, 1);
	assert_int_equal(world.opened_count, 1);
}

static void test_what_can_never_be_sent_makes_way(void **state)
{
	(void)state;
	struct errand *first = submit(0, PREPARED_LATER);
	struct errand *second = submit(1, PREPARED_NEVER);
	struct errand *third = submit(2, PREPARED);
	world_turn(20);
	say_prepared(first, false);
	world_turn(20);
	assert_int_equal(first->done, 1);
	assert_int_equal(first->told, 0);
	assert_int_equal(second->done, 1);
	assert_sent(third);
	assert_int_equal(world.sent_count, 1);
}

static void test_a_session_that_ends_meanwhile_takes_nothing_with_it(void **state)
{
	(void)state;
	struct errand *first = submit(0, PREPARED_LATER);
	world_turn(20);
	world_hang_up();
	world_turn(20);
	assert_int_equal(first->done, 0);
	say_prepared(first, true);
	world_turn(20);
	assert_sent(first);
	assert_int_equal(world.sent_count, 1);
	assert_int_equal(world.opened_count, 2);
}

static void test_a_session_that_may_not_go_on_is_not_used(void **state)
{
	(void)state;
	struct errand *first = submit(0, PREPARED_LATER);
	world_turn(20);
	world.may_not_go_on = true;
	say_prepared(first, true);
	world.may_not_go_on = false;
	world_turn(20);
	assert_sent(first);
	assert_int_equal(world.opened_count, 2);
}

static void test_what_waits_again_can_be_given_up(void **state)
{
	(void)state;
	struct errand *first = submit(0, PREPARED_LATER);
	struct errand *second = submit(1, PREPARED);
	world_turn(20);
	lanes_hold(lanes, true);
	world_hang_up();
	world_turn(20);
	say_prepared(first, false);
	assert_int_equal(first->done, 1);
	assert_true(transaction_withdraw(&second->transaction));
	lanes_hold(lanes, false);
	world_turn(20);
	assert_int_equal(first->done, 1);
	assert_int_equal(second->done, 0);
	assert_int_equal(world.sent_count, 0);
}

static void test_lanes_may_go_while_a_session_waits(void **state)
{
	(void)state;
	(void)submit(0, PREPARED_LATER);
	world_turn(20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_it_is_sent_when_it_is_prepared),
		TEST(test_what_can_never_be_sent_makes_way),
		TEST(test_a_session_that_ends_meanwhile_takes_nothing_with_it),
		TEST(test_a_session_that_may_not_go_on_is_not_used),
		TEST(test_what_waits_again_can_be_given_up),
		TEST(test_lanes_may_go_while_a_session_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
