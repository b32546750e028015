/* Lanes under limits that others share, rates, and next hops that do not get on. */
#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/lanes.h"

#define SETTINGS                                                                                   \
	"sites:\n  default: {connections: 2, tls: none}\n"                                         \
	"  shared: {domains: [shared.example], connections: 2}\n"                                  \
	"  slow: {domains: [slow.example], rate: 20/s}\n"                                          \
	"  single: {domains: [single.example], connections_per_source: 1}\n"

struct errand {
	struct transaction transaction;
	struct bytes recipient;
	uint8_t unsent;
	unsigned done, postponed;
};

static struct errand errands[60];
static struct lanes *lanes;
static struct exchanger *exchanger;
static struct source first = {.name = "first", .helo = "me.example"};
static struct source second = {.name = "second", .helo = "me.example"};
static char parked[100];

static void on_parked(void *owner, const char *site, bool is_parked)
{
	(void)owner;
	snprintf(parked, sizeof parked, "%s %s", site, is_parked ? "parked" : "resumed");
}

static int setup(void **state)
{
	(void)state;
	world_open(SETTINGS);
	memset(errands, 0, sizeof errands);
	parked[0] = '\0';
	exchanger = exchanger_new(&(struct exchanger_options){
		.loop = world.loop,
		.resolver = world_resolver(),
		.own_name = "me.example",
		.settings = &world.settings->workers,
	});
	lanes = lanes_new(&(struct lanes_options){
		.loop = world.loop,
		.broker = world_broker(),
		.client = world_client(),
		.exchanger = exchanger,
		.routing = world.routing,
		.settings = &world.settings->workers,
		.parked = on_parked,
	});
	lanes_hold(lanes, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_others_have(0);
	struct smtp_client *client = world_client();
	smtp_client_free(&client);
	lanes_free(&lanes);
	exchanger_free(&exchanger);
	world_close();
	return 0;
}

static void on_recipient_done(struct transaction *transaction, size_t index,
			      const struct attempt *attempt)
{
	(void)transaction, (void)index, (void)attempt;
}

static void on_done(struct transaction *transaction)
{
	((struct errand *)transaction)->done++;
}

static void on_postponed(struct transaction *transaction, int64_t delay_ms)
{
	assert_true(delay_ms > 0);
	((struct errand *)transaction)->postponed++;
}

static const struct transaction_handler handler = {
	.recipient_done = on_recipient_done, .done = on_done, .postponed = on_postponed};

static void submit(size_t index, const char *domain, const struct source *source)
{
	struct errand *errand = &errands[index];
	errand->recipient = bytes_of(arena_printf(world.arena, "ok@%s", domain));
	errand->transaction = (struct transaction){
		.mail = {.recipients = &errand->recipient, .recipient_count = 1},
		.handler = &handler,
		.unsent = &errand->unsent,
	};
	const char *site = routing_named_site(world.routing, domain);
	lanes_submit(lanes,
		     &(struct lane_name){
			     .next_hop = domain, .site = site ? site : domain, .source = source},
		     &errand->transaction);
}

static size_t done_count(void)
{
	size_t count = 0;
	for (size_t i = 0; i < sizeof errands / sizeof errands[0]; i++)
		count += errands[i].done;
	return count;
}

static size_t postponed_count(void)
{
	size_t count = 0;
	for (size_t i = 0; i < sizeof errands / sizeof errands[0]; i++)
		count += errands[i].postponed;
	return count;
}

static void test_a_site_uses_what_it_has_of_its_limit(void **state)
{
	(void)state;
	world_others_have(1);
	for (size_t i = 0; i < 10; i++)
		submit(i, "shared.example", &first);
	world_turn(300);
	assert_int_equal(done_count(), 10);
	assert_int_equal(world.open_max, 1);
}

static void test_a_site_of_which_others_have_all_is_parked_until_there_is_some(void **state)
{
	(void)state;
	world_others_have(2);
	submit(0, "shared.example", &first);
	submit(1, "x.example", &first); /* goes on */
	world_turn(1000);
	assert_int_equal(done_count(), 1);
	assert_string_equal(parked, "");
	world_turn(2000);
	assert_string_equal(parked, "shared parked");
	assert_true(transaction_withdraw(&errands[0].transaction));
	world_others_have(0);
	world_turn(600);
	assert_string_equal(parked, "shared resumed");
	submit(0, "shared.example", &first);
	world_turn(100);
	assert_int_equal(done_count(), 2);
}

static void test_a_rate_lets_one_session_rest_and_opens_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < 40; i++)
		submit(i, "slow.example", &first);
	world_turn(1500);
	assert_true(done_count() >= 20 && done_count() <= 30);
	assert_true(world.open_max <= 2);
}

static void test_a_source_has_a_limit_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < 10; i++)
		submit(i, "single.example", i % 2 ? &first : &second);
	world_turn(500);
	assert_int_equal(done_count(), 10);
	assert_int_equal(world.open_max, 2); /* one from each */
}

static void test_a_next_hop_that_hangs_gives_back_what_is_too_much(void **state)
{
	(void)state;
	world.is_mute = true;
	for (size_t i = 0; i < 30; i++)
		submit(i, "hangs.example", &first);
	world_turn(4000);
	assert_int_equal(postponed_count(), 0);
	world_turn(2000);
	assert_int_equal(postponed_count(), 30 - 20 - 2); /* two are under way */
	world_answer();
	world_turn(100);
	assert_int_equal(done_count(), 22);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_site_uses_what_it_has_of_its_limit),
		TEST(test_a_site_of_which_others_have_all_is_parked_until_there_is_some),
		TEST(test_a_rate_lets_one_session_rest_and_opens_no_more),
		TEST(test_a_source_has_a_limit_of_its_own),
		TEST(test_a_next_hop_that_hangs_gives_back_what_is_too_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
