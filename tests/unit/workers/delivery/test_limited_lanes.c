/* Lanes under limits that others share, rates, and next hops that do not get on. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#define SETTINGS                                                                                   \
	"sites:\n  default: {connections: 2, tls: none}\n"                                         \
	"  shared: {domains: [shared.example], connections: 2}\n"                                  \
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
