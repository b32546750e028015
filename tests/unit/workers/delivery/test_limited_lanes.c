/* Lanes under limits that others share, rates, and next hops that do not get on. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#define SETTINGS                                                                                   \
	"sites:\n  default: {connections: 2, tls: none}\n"                                         \
	"  shared: {domains: [shared.example], connections: 2}\n"                                  \
	"  rare: {domains: [rare.example], connections: 2, own_queue: no}\n"                       \
	"  hourly: {domains: [hourly.example], own_queue: no, rate: 60/h}\n"                       \
	"  paced: {domains: [paced.example], rate_per_source: 60/h}\n"                             \
	"  slow: {domains: [slow.example], rate: 20/s}\n"                                          \
	"  single: {domains: [single.example], connections_per_source: 1}\n"

static char parked[100];

static void on_parked(void *owner, const char *site, bool is_parked)
{
	(void)owner;
	snprintf(parked, sizeof parked, "%s %s", site, is_parked ? "parked" : "resumed");
}

static int setup(void **state)
{
	(void)state;
	parked[0] = '\0';
	world_open(SETTINGS);
	errands_open((struct lanes_options){.broker = world_broker(), .parked = on_parked});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_others_have(0);
	errands_close();
	world_close();
	return 0;
}

static void submit(size_t index, const char *domain, const struct source *source)
{
	const char *recipient = arena_printf(world.arena, "ok@%s", domain);
	(void)errand_submit(index, recipient, NULL, source);
}

static void test_a_site_uses_what_it_has_of_its_limit(void **state)
{
	(void)state;
	world_others_have(1);
	for (size_t i = 0; i < 10; i++)
		submit(i, "shared.example", &first_source);
	world_turn(300);
	assert_int_equal(errands_done(), 10);
	assert_int_equal(world.open_max, 1);
}

static void test_a_site_of_which_others_have_all_is_parked_until_there_is_some(void **state)
{
	(void)state;
	world_others_have(2);
	submit(0, "shared.example", &first_source);
	submit(1, "x.example", &first_source); /* goes on */
	world_turn(1000);
	assert_int_equal(errands_done(), 1);
	assert_string_equal(parked, "");
	world_turn(2000);
	assert_string_equal(parked, "shared parked");
	assert_true(transaction_withdraw(&errands[0].transaction));
	world_others_have(0);
	world_turn(600);
	assert_string_equal(parked, "shared resumed");
	submit(0, "shared.example", &first_source);
	world_turn(100);
	assert_int_equal(errands_done(), 2);
}

static void test_a_rate_lets_one_session_rest_and_opens_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < 40; i++)
		submit(i, "slow.example", &first_source);
	world_turn(1500);
	assert_true(errands_done() >= 20 && errands_done() <= 30);
	assert_true(world.open_max <= 2);
}

/* Nothing of the site is left meanwhile but what was sent. Of the paced one it is what its source has of the rate, which it loses then. */
static void test_a_slow_rate_holds_for_mail_that_comes_now_and_then(void **state)
{
	struct lanes_site_view view;
	(void)state;
	submit(3, "paced.example", &first_source);
	world_turn(100);
	assert_true(transaction_withdraw(&errands[3].transaction));
	submit(0, "hourly.example", &first_source);
	submit(1, "x.example", &first_source);
	world_turn(6500);
	assert_int_equal(errands_done(), 2);
	assert_false(lanes_view_site(lanes, "x.example", &view));
	assert_true(lanes_view_site(lanes, "paced", &view));
	world_others_have(4);
	submit(2, "hourly.example", &first_source);
	world_turn(100);
	assert_int_equal(errands_done(), 2);
}

static void test_a_source_has_a_limit_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < 10; i++)
		submit(i, "single.example", i % 2 ? &first_source : &second_source);
	world_turn(500);
	assert_int_equal(errands_done(), 10);
	assert_int_equal(world.open_max, 2); /* one from each */
}

static void test_a_next_hop_that_hangs_gives_back_what_is_too_much(void **state)
{
	(void)state;
	world.is_mute = true;
	for (size_t i = 0; i < 30; i++)
		submit(i, "hangs.example", &first_source);
	world_turn(4000);
	assert_int_equal(errands_postponed(), 0);
	world_turn(2000);
	assert_int_equal(errands_postponed(), 30 - 20 - 2); /* two are under way */
	world_answer();
	world_turn(100);
	assert_int_equal(errands_done(), 22);
}

/* ---- what goes by the tails ---- */

static struct site_limits *limits;

static int setup_tails(void **state)
{
	(void)state;
	parked[0] = '\0';
	limits = site_limits_new();
	world_open(SETTINGS "pools: {bulk: {}}\n");
	errands_open((struct lanes_options){
		.broker = world_broker(), .parked = on_parked, .limits = limits});
	return 0;
}

static int teardown_tails(void **state)
{
	int done = teardown(state);
	site_limits_free(&limits);
	return done;
}

static void test_a_site_without_a_queue_shares_its_limit_where_there_are_pools(void **state)
{
	(void)state;
	world_others_have(1);
	for (size_t i = 0; i < 10; i++)
		submit(i, "rare.example", &first_source);
	world_turn(300);
	assert_int_equal(errands_done(), 10);
	assert_int_equal(world.open_max, 1);
}

static void test_it_is_never_parked_and_gives_back_what_is_too_much(void **state)
{
	(void)state;
	world_others_have(2);
	for (size_t i = 0; i < 25; i++)
		submit(i, "rare.example", &first_source);
	submit(25, "x.example", &first_source); /* shares with nobody */
	world_turn(6000);
	assert_int_equal(errands_done(), 1);
	assert_int_equal(errands_postponed(), 25 - 20);
	assert_string_equal(parked, "");
}

static void test_with_one_pool_a_site_without_a_queue_shares_with_nobody(void **state)
{
	(void)state;
	world_others_have(2);
	submit(0, "rare.example", &first_source);
	world_turn(100);
	assert_int_equal(errands_done(), 1);
}

/* limits=="": as in the settings */
static void limit(const char *site, const char *words, uint64_t version)
{
	const struct directive directive = {
		.kind = DIRECTIVE_LIMIT, .site = bytes_of(site), .limits = bytes_of(words)};
	struct buf row;
	buf_init(&row, 4096);
	assert_int_equal(directive_encode(&directive, &row), OK);
	const struct table_entry entry = {
		.key = bytes_of(site), .value = buf_bytes(&row), .version = version};
	site_limits_note(limits, &entry);
	buf_done(&row);
	lanes_relimit(lanes);
}

static void test_a_domain_whose_limit_is_set_at_run_time_shares_it(void **state)
{
	(void)state;
	world.is_mute = true;
	for (size_t i = 0; i < 10; i++)
		submit(i, "x.example", &first_source);
	world_turn(100);
	assert_int_equal(world.open_count, 2);
	world_others_have(1);
	limit("x.example", "connections=2", 1);
	world_answer(); /* both are too many: nothing is held yet */
	world_turn(400);
	assert_int_equal(errands_done(), 10);
	assert_int_equal(world.opened_count, 3);
	limit("x.example", "", 2);
	world.is_mute = true;
	for (size_t i = 10; i < 20; i++)
		submit(i, "x.example", &first_source);
	world_turn(100);
	assert_int_equal(world.open_count, 2);
	world_answer();
	world_turn(100);
	assert_int_equal(errands_done(), 20);
}

#define TAILS(name) cmocka_unit_test_setup_teardown(name, setup_tails, teardown_tails)
#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_site_uses_what_it_has_of_its_limit),
		TEST(test_a_site_of_which_others_have_all_is_parked_until_there_is_some),
		TEST(test_a_rate_lets_one_session_rest_and_opens_no_more),
		TEST(test_a_slow_rate_holds_for_mail_that_comes_now_and_then),
		TEST(test_a_source_has_a_limit_of_its_own),
		TEST(test_a_next_hop_that_hangs_gives_back_what_is_too_much),
		TEST(test_with_one_pool_a_site_without_a_queue_shares_with_nobody),
		TAILS(test_a_site_without_a_queue_shares_its_limit_where_there_are_pools),
		TAILS(test_it_is_never_parked_and_gives_back_what_is_too_much),
		TAILS(test_a_domain_whose_limit_is_set_at_run_time_shares_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
