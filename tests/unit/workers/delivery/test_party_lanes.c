/* Sessions of a lane under limits of sources, tenants and campaigns: how many are opened for them, and what each carries. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#define SETTINGS                                                                                   \
	"sites:\n  default: {connections: 8, tls: none, connection_idle: 2s}\n"                    \
	"  few: {domains: [few.example], messages_per_connection: 5}\n"                            \
	"  tenants: {domains: [tenants.example], connections: 1, "                                 \
	"messages_per_connection_per_tenant: "                                                     \
	"3}\n"                                                                                     \
	"  slow: {domains: [slow.example], connect_rate_per_tenant: 4/s, "                         \
	"messages_per_connection: 1}\n"                                                            \
	"  brief: {domains: [brief.example], connections: 2, rate_per_tenant: 4/s, "               \
	"connection_idle: 0s}\n"                                                                   \
	"  one: {domains: [one.example], connections: 4, connections_per_tenant: 1, "              \
	"connection_idle: 0s}\n"

static const struct source weary = {
	.name = "weary", .helo = "me.example", .messages_per_connection = 2};

static size_t submitted;

static int setup(void **state)
{
	(void)state;
	world_open(SETTINGS);
	errands_open((struct lanes_options){0});
	submitted = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	errands_close();
	world_close();
	return 0;
}

static void submit(size_t count, const char *domain, const char *tenant,
		   const struct source *source)
{
	for (size_t end = submitted + count; submitted < end; submitted++) {
		errands[submitted].transaction.tenant = bytes_of(tenant);
		(void)errand_submit(submitted, arena_printf(world.arena, "ok@%s", domain), NULL,
				    source);
	}
}

static size_t done_of(const char *tenant)
{
	size_t count = 0;
	for (size_t i = 0; i < submitted; i++)
		if (bytes_is(errands[i].transaction.tenant, tenant))
			count += errands[i].done;
	return count;
}

static void test_a_session_ends_at_the_count_of_its_site_or_its_source(void **state)
{
	(void)state;
	submit(20, "few.example", "", &first_source);
	world_turn(300);
	assert_int_equal(errands_done(), 20);
	assert_in_range(world.carried_max, 1, 5);
	world.carried_max = 0;
	submit(20, "few.example", "", &weary);
	world_turn(300);
	assert_int_equal(errands_done(), 40);
	assert_in_range(world.carried_max, 1, 2);
}

static void test_mail_of_a_tenant_gets_another_session_though_there_may_be_only_one(void **state)
{
	(void)state;
	submit(9, "tenants.example", "acme", &first_source);
	world_turn(300);
	assert_int_equal(errands_done(), 9);
	assert_int_equal(world.carried_max, 3);
	assert_int_equal(world.opened_count, 3);
}

static void test_an_idle_session_that_carried_too_many_is_not_for_a_tenant(void **state)
{
	(void)state;
	submit(4, "tenants.example", "", &first_source);
	world_turn(300);
	assert_int_equal(world.opened_count, 1);
	submit(1, "tenants.example", "acme", &first_source);
	world_turn(300);
	assert_int_equal(errands_done(), 5);
	assert_int_equal(world.opened_count, 2);
	submit(1, "tenants.example", "", &first_source);
	world_turn(300);
	assert_int_equal(world.opened_count, 2);
	assert_int_equal(errands_done(), 6);
}

static void test_sessions_are_opened_for_a_tenant_by_its_rate_and_others_do_not_wait(void **state)
{
	(void)state;
	submit(20, "slow.example", "acme", &first_source);
	submit(10, "slow.example", "", &first_source);
	world_turn(200);
	assert_int_equal(done_of(""), 10);
	assert_in_range(done_of("acme"), 1, 4);
	world_turn(1300);
	assert_in_range(done_of("acme"), 4, 8);
	assert_int_equal(world.opened_count, errands_done());
}

static void test_no_session_is_opened_for_a_tenant_whose_rate_lets_nothing_go(void **state)
{
	(void)state;
	submit(12, "brief.example", "acme", &first_source);
	world_turn(1500);
	assert_in_range(errands_done(), 4, 9);
	assert_in_range(world.opened_count, 1, 2 * errands_done() + 4);
}

static void test_no_session_is_opened_beside_the_only_one_of_a_tenant(void **state)
{
	(void)state;
	errands[0].preparation = PREPARED_LATER;
	submit(12, "one.example", "acme", &first_source);
	world_turn(500);
	assert_int_equal(errands_done(), 0);
	assert_in_range(world.opened_count, 1, 4);
	transaction_prepared(&errands[0].transaction, true);
	world_turn(300);
	assert_int_equal(errands_done(), 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_session_ends_at_the_count_of_its_site_or_its_source),
		TEST(test_mail_of_a_tenant_gets_another_session_though_there_may_be_only_one),
		TEST(test_an_idle_session_that_carried_too_many_is_not_for_a_tenant),
		TEST(test_sessions_are_opened_for_a_tenant_by_its_rate_and_others_do_not_wait),
		TEST(test_no_session_is_opened_for_a_tenant_whose_rate_lets_nothing_go),
		TEST(test_no_session_is_opened_beside_the_only_one_of_a_tenant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
