/* Transactions that are not ready when their turn comes: the session waits for them, and whatever happens meanwhile, each is sent or done
 * once. */
#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/lanes.h"

#define SETTINGS "sites:\n  default: {connections: 1, connection_idle: 2s}\n"

struct errand {
	struct transaction transaction;
	struct bytes recipient;
	uint8_t unsent;
	enum preparation preparation;
	unsigned asked, told, done;
	unsigned code;
};

struct desk {
	struct smtp_client *client;
	struct exchanger *exchanger;
	struct lanes *lanes;
	struct source source;
	struct errand errands[3];
};

static int setup(void **state)
{
	static struct desk desk;
	memset(&desk, 0, sizeof desk);
	world_open(SETTINGS);
	desk.client = world_client();
	desk.source = (struct source){.name = "default", .helo = "me.example"};
	desk.exchanger = exchanger_new(&(struct exchanger_options){
		.loop = world.loop,
		.resolver = world_resolver(),
		.own_name = "me.example",
		.settings = &world.settings->workers,
	});
	desk.lanes = lanes_new(&(struct lanes_options){
		.loop = world.loop,
		.client = desk.client,
		.exchanger = desk.exchanger,
		.routing = world.routing,
		.settings = &world.settings->workers,
	});
	lanes_hold(desk.lanes, false);
	*state = &desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;
	smtp_client_free(&desk->client);
	lanes_free(&desk->lanes);
	exchanger_free(&desk->exchanger);
	world_close();
	return 0;
}

static enum preparation prepare(struct transaction *transaction)
{
	struct errand *errand = (struct errand *)transaction;
	errand->asked++;
	return errand->preparation;
}

static void on_recipient_done(struct transaction *transaction, size_t index,
			      const struct attempt *attempt)
{
	struct errand *errand = (struct errand *)transaction;
	assert_int_equal(index, 0);
	errand->told++;
	errand->code = attempt->outcome->reply.code;
}

static void on_done(struct transaction *transaction)
{
	((struct errand *)transaction)->done++;
}

static const struct transaction_handler handler = {
	.prepare = prepare, .recipient_done = on_recipient_done, .done = on_done};

static struct errand *submit(struct desk *desk, size_t index, enum preparation preparation)
{
	struct errand *errand = &desk->errands[index];
	errand->recipient = BYTES("ok@x.example");
	errand->preparation = preparation;
	errand->transaction = (struct transaction){
		.mail = {.recipients = &errand->recipient, .recipient_count = 1},
		.handler = &handler,
		.unsent = &errand->unsent,
	};
	const struct lane_name name = {
		.next_hop = "x.example", .site = "x.example", .source = &desk->source};
	lanes_submit(desk->lanes, &name, &errand->transaction);
	return errand;
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
	assert_int_equal(errand->code, 250);
}

static void test_it_is_sent_when_it_is_prepared(void **state)
{
	struct desk *desk = *state;
	struct errand *first = submit(desk, 0, PREPARED_LATER), *second = submit(desk, 1, PREPARED);
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
	struct desk *desk = *state;
	struct errand *first = submit(desk, 0, PREPARED_LATER);
	struct errand *second = submit(desk, 1, PREPARED_NEVER);
	struct errand *third = submit(desk, 2, PREPARED);
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
	struct desk *desk = *state;
	struct errand *first = submit(desk, 0, PREPARED_LATER);
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
	struct desk *desk = *state;
	struct errand *first = submit(desk, 0, PREPARED_LATER);
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
	struct desk *desk = *state;
	struct errand *first = submit(desk, 0, PREPARED_LATER);
	struct errand *second = submit(desk, 1, PREPARED);
	world_turn(20);
	lanes_hold(desk->lanes, true);
	world_hang_up();
	world_turn(20);
	say_prepared(first, false);
	assert_int_equal(first->done, 1);
	assert_true(transaction_withdraw(&second->transaction));
	lanes_hold(desk->lanes, false);
	world_turn(20);
	assert_int_equal(first->done, 1);
	assert_int_equal(second->done, 0);
	assert_int_equal(world.sent_count, 0);
}

static void test_lanes_may_go_while_a_session_waits(void **state)
{
	struct desk *desk = *state;
	(void)submit(desk, 0, PREPARED_LATER);
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
