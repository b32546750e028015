/* Recipients in one transaction: the smallest of what the site, the source, the tenant and the campaign allow. */
#include "tests/unit/workers/delivery/fixture_desk.h"

#define SETTINGS                                                                                   \
	"sites:\n"                                                                                 \
	"  few: {domains: [few.example], recipients_per_transaction: 5}\n"                         \
	"  tenants: {domains: [tenants.example], recipients_per_transaction_per_tenant: 3}\n"      \
	"  campaigns: {domains: [campaigns.example], recipients_per_transaction_per_tenant: 5, "   \
	"recipients_per_transaction_per_campaign: 2}\n"                                            \
	"  large: {domains: [large.example], recipients_per_transaction_per_tenant: 60}\n"

static int setup(void **state)
{
	return desk_setup(state, SETTINGS "sources: {default: {recipients_per_transaction: 0}}\n");
}

static int setup_source(void **state)
{
	return desk_setup(state, SETTINGS "sources: {default: {recipients_per_transaction: 4}}\n");
}

/* The most at once of seven for that site. */
static size_t most_of_seven(struct desk *desk, const char *site)
{
	const char *to[8] = {NULL};
	world.recipients_max = world.sent_count = 0;
	world.site = site;
	for (size_t i = 0; i < 7; i++)
		to[i] = arena_printf(world.arena, "ok%zu@%s%s", i, site,
				     strchr(site, '.') ? "" : ".example");
	(void)desk_take(desk, to);
	world_turn(50);
	assert_int_equal(world.sent_count, (7 + world.recipients_max - 1) / world.recipients_max);
	return world.recipients_max;
}

static void test_the_smallest_holds(void **state)
{
	struct desk *desk = *state;
	assert_int_equal(most_of_seven(desk, "free.example"), 7);
	assert_int_equal(most_of_seven(desk, "few"), 5);
	assert_int_equal(most_of_seven(desk, "tenants"), 3);
	assert_int_equal(most_of_seven(desk, "campaigns"), 2);
	assert_int_equal(most_of_seven(desk, "large"), 7);
}

static void test_that_of_the_source_too(void **state)
{
	struct desk *desk = *state;
	assert_int_equal(most_of_seven(desk, "free.example"), 4);
	assert_int_equal(most_of_seven(desk, "few"), 4);
	assert_int_equal(most_of_seven(desk, "tenants"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_smallest_holds, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(test_that_of_the_source_too, setup_source,
						desk_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
