/* Connections: how many, in whose turn, what a failed one means, and what is reused. */
#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/lanes.h"

#define SETTINGS                                                                                   \
	"workers: {max_sessions: 4}\n"                                                             \
	"sites:\n  default: {connections: 3, tls: opportunistic, connection_idle: 2s}\n"           \
	"  strict: {domains: [strict.example], tls: required}\n"

struct desk {
	struct smtp_client *client;
	struct exchanger *exchanger;
	struct lanes *lanes;
	struct source source;
};

#define TRANSACTIONS_MAX 40
struct errand {
	struct transaction transaction;
	struct bytes recipients[2];
	uint8_t unsent[2];
	struct smtp_outcome last[2];
	const char *step;
	unsigned told, done;
};
static struct errand errands[TRANSACTIONS_MAX];

static int setup(void **state)
{
	static struct desk desk;
	world_open(SETTINGS);
	memset(errands, 0, sizeof errands);
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

static void on_recipient_done(struct transaction *transaction, size_t index,
			      const struct attempt *attempt)
{
	struct errand *errand = (struct errand *)transaction;
	errand->last[index] = *attempt->outcome;
	errand->step = attempt->step;
	errand->told++;
}

static void on_done(struct transaction *transaction)
{
	((struct errand *)transaction)->done++;
}

static const struct transaction_handler handler = {.recipient_done = on_recipient_done,
						   .done = on_done};

static struct errand *submit(struct desk *desk, size_t index, const char *domain, const char *local,
			     const char *second_local)
{
	struct errand *errand = &errands[index];
	errand->recipients[0] = bytes_of(arena_printf(world.arena, "%s@%s", local, domain));
	if (second_local)
		errand->recipients[1] =
			bytes_of(arena_printf(world.arena, "%s@%s", second_local, domain));
	errand->transaction = (struct transaction){
		.mail = {.recipients = errand->recipients, .recipient_count = second_local ? 2 : 1},
		.handler = &handler,
		.unsent = errand->unsent,
	};
	const char *site = routing_named_site(world.routing, domain);
	lanes_submit(desk->lanes,
		     &(struct lane_name){.next_hop = domain,
					 .site = site ? site : domain,
					 .source = &desk->source},
		     &errand->transaction);
	return errand;
}

static size_t done_count(void)
{
	size_t count = 0;
	for (size_t i = 0; i < TRANSACTIONS_MAX; i++)
		count += errands[i].done;
	return count;
}

static void test_a_site_gets_no_more_sessions_than_its_limit(void **state)
{
	struct desk *desk = *state;
	for (size_t i = 0; i < 20; i++)
		submit(desk, i, "x.example", "ok", NULL);
	world_turn(20);
	assert_int_equal(done_count(), 20);
	assert_int_equal(world.open_max, 3);
	assert_int_equal(world.sent_count, 20);
}

static void test_the_worker_s_limit_holds_over_all_lanes_and_each_gets_its_turn(void **state)
{
	struct desk *desk = *state;
	world.is_mute = true;
	world.may_not_go_on = false;
	for (size_t i = 0; i < 12; i++)
		submit(desk, i, i % 2 ? "x.example" : "y.example", "ok", NULL);
	world_turn(20);
	assert_int_equal(world.open_max, 4);
	assert_int_equal(world.sent_count, 4);
	world_answer();
	world_turn(600);
	assert_int_equal(done_count(), 12);
	assert_int_equal(world.open_max, 4);
}

static void test_an_idle_session_is_reused(void **state)
{
	struct desk *desk = *state;
	submit(desk, 0, "x.example", "ok", NULL);
	world_turn(10);
	submit(desk, 1, "x.example", "ok", NULL);
	world_turn(10);
	assert_int_equal(done_count(), 2);
	assert_int_equal(world.opened_count, 1);
	assert_int_equal(world.reused_count, 1);
}

static void test_lanes_that_share_a_host_share_its_sessions(void **state)
{
	struct desk *desk = *state;
	submit(desk, 0, "x.example", "ok", NULL);
	world_turn(10);
	submit(desk, 1, "y.example", "ok", NULL);
	world_turn(10);
	assert_int_equal(world.opened_count, 1);
	assert_int_equal(world.reused_count, 1);
}

static void test_when_nobody_lets_us_in_all_who_wait_are_told(void **state)
{
	struct desk *desk = *state;
	world.open_err = E_TIMEOUT;
	for (size_t i = 0; i < 5; i++)
		submit(desk, i, "x.example", "ok", "ok2");
	world_turn(20);
	assert_int_equal(done_count(), 5);
	assert_int_equal(world.sent_count, 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(errands[i].told, 2);
		assert_int_equal(errands[i].last[0].kind, SMTP_NOT_SENT);
		assert_string_equal(errands[i].step, "connect");
	}
	world.open_err = OK;
	submit(desk, 5, "x.example", "ok", NULL);
	world_turn(20);
	assert_int_equal(errands[5].last[0].reply.code, 250);
}

static void test_one_connection_that_opens_does_the_work_of_those_that_do_not(void **state)
{
	struct desk *desk = *state;
	world.open_err = E_CLOSED;
	world.fail_count = 2;
	for (size_t i = 0; i < 5; i++)
		submit(desk, i, "x.example", "ok", NULL);
	world_turn(20);
	assert_int_equal(done_count(), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(errands[i].last[0].reply.code, 250);
}

static void test_opportunistic_tls_that_fails_is_followed_by_one_try_in_the_clear(void **state)
{
	struct desk *desk = *state;
	world.fails_tls = true;
	submit(desk, 0, "x.example", "ok", NULL);
	world_turn(20);
	assert_int_equal(errands[0].last[0].reply.code, 250);
	assert_int_equal(world.opened_count, 2);
	assert_int_equal(world.opened_in_clear_count, 1);
}

static void test_required_tls_that_fails_never_goes_in_the_clear(void **state)
{
	struct desk *desk = *state;
	world.fails_tls = true;
	submit(desk, 0, "strict.example", "ok", NULL);
	world_turn(20);
	assert_int_equal(errands[0].done, 1);
	assert_int_equal(errands[0].last[0].kind, SMTP_NOT_SENT);
	assert_string_equal(errands[0].step, "starttls");
	assert_int_equal(world.opened_in_clear_count, 0);
}

static void test_a_session_cut_between_mails_costs_no_attempt(void **state)
{
	struct desk *desk = *state;
	world.dies_in_use = true;
	for (size_t i = 0; i < 6; i++)
		submit(desk, i, "x.example", "ok", NULL);
	world_turn(50);
	assert_int_equal(done_count(), 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(errands[i].told, 1);
		assert_int_equal(errands[i].last[0].reply.code, 250);
	}
}

static void test_a_new_session_that_is_cut_is_told_to_its_mail_only(void **state)
{
	struct desk *desk = *state;
	submit(desk, 0, "x.example", "cut", NULL);
	world_turn(20);
	submit(desk, 1, "x.example", "ok", NULL);
	world_turn(20);
	assert_int_equal(errands[0].told, 1);
	assert_int_equal(errands[0].last[0].kind, SMTP_NOT_SENT);
	assert_string_equal(errands[0].step, "mail");
	assert_int_equal(errands[1].last[0].reply.code, 250);
}

static void test_recipients_of_a_broken_transaction_keep_their_own_outcomes(void **state)
{
	struct desk *desk = *state;
	submit(desk, 0, "x.example", "no", "doubt");
	world_turn(20);
	assert_int_equal(errands[0].told, 2);
	assert_int_equal(errands[0].last[0].reply.code, 550);
	assert_int_equal(errands[0].last[1].kind, SMTP_IN_DOUBT);
}

static void test_held_lanes_begin_nothing_until_they_are_let_go(void **state)
{
	struct desk *desk = *state;
	lanes_hold(desk->lanes, true);
	submit(desk, 0, "x.example", "ok", NULL);
	world_turn(300);
	assert_int_equal(world.opened_count, 0);
	lanes_hold(desk->lanes, false);
	world_turn(20);
	assert_int_equal(done_count(), 1);
}

static void test_only_what_waits_can_be_withdrawn(void **state)
{
	struct desk *desk = *state;
	world.is_mute = true;
	for (size_t i = 0; i < 4; i++)
		submit(desk, i, "x.example", "ok", NULL);
	world_turn(20);
	assert_false(transaction_withdraw(&errands[0].transaction));
	assert_true(transaction_withdraw(&errands[3].transaction));
	world_answer();
	world_turn(20);
	assert_int_equal(done_count(), 3);
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
