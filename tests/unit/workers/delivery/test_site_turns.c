/* Who gets the sessions of a site that has fewer than are wanted: tenants take turns, whatever domains and sources their mail is for. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#define DOMAIN(n, site) "d" n "." site ".example"
#define DOMAINS(site)                                                                                                             \
	"[" DOMAIN("0", site) "," DOMAIN("1", site) "," DOMAIN("2", site) "," DOMAIN("3", site) "," DOMAIN("4", site) "," DOMAIN( \
		"5",                                                                                                              \
		site) "," DOMAIN("6",                                                                                             \
				 site) "," DOMAIN("7",                                                                            \
						  site) "," DOMAIN("8",                                                           \
								   site) "," DOMAIN("9",                                          \
										    site) "," DOMAIN("99",                        \
												     site) "]"
#define SITE(name, limits)                                                                         \
	"  " name ": {domains: " DOMAINS(name) ", tls: none, connection_idle: 2s, " limits "}\n"
#define SETTINGS                                                                                   \
	"sites:\n" SITE("one", "connections: 1") SITE("three", "connections: 3")                   \
		SITE("each", "connections_per_source: 1")

#define BIG 30 /* errands of the big tenant; the small one's come behind them */

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

static void submit(size_t index, const char *tenant, const char *domain, const char *site)
{
	errands[index].transaction.tenant = bytes_of(tenant);
	(void)errand_submit(index, arena_printf(world.arena, "ok@%s.%s.example", domain, site),
			    NULL, &first_source);
}

static void submit_big(const char *site, size_t domain_count)
{
	for (size_t i = 0; i < BIG; i++)
		submit(i, "big", arena_printf(world.arena, "d%zu", i % domain_count), site);
}

static size_t done(size_t from, size_t to)
{
	size_t count = 0;
	for (size_t i = from; i < to; i++)
		count += errands[i].done;
	return count;
}

static void answer(size_t count)
{
	for (; count > 0; count--) {
		world_answer_once();
		world_turn(0);
	}
}

static void test_mail_for_ten_domains_gets_no_more_of_a_site_than_mail_for_one(void **state)
{
	(void)state;
	world.is_mute = true;
	submit_big("three", 10);
	world_turn(10);
	for (size_t i = BIG; i < BIG + 30; i++)
		submit(i, "small", "d99", "three");
	world_turn(5);
	while (done(BIG, BIG + 30) < 25 && done(0, BIG) < BIG)
		answer(1);
	assert_in_range(done(BIG, BIG + 30), 20, 27);
	assert_in_range(done(0, BIG), 18, 25);
	assert_int_equal(world.open_max, 3);
	world_answer();
	world_turn(50);
	assert_int_equal(errands_done(), BIG + 30);
}

static void test_sessions_change_hands_where_lanes_share_no_host_too(void **state)
{
	(void)state;
	world.is_mute = world.are_hosts_apart = true;
	submit_big("one", 1);
	world_turn(10);
	submit(BIG, "small", "d99", "one");
	world_turn(5);
	answer(8); /* one to go on, some to end the session and open another */
	assert_int_equal(errands[BIG].done, 1);
	assert_true(done(0, BIG) < 8);
	assert_int_equal(world.reused_count, 0);
}

static void test_a_session_of_the_right_host_is_passed_on(void **state)
{
	(void)state;
	world.is_mute = true;
	submit_big("one", 1);
	world_turn(10);
	submit(BIG, "small", "d99", "one");
	world_turn(5);
	answer(4);
	assert_int_equal(errands[BIG].done, 1);
	world_answer();
	world_turn(50);
	assert_int_equal(errands_done(), BIG + 1);
	assert_int_equal(world.opened_count, 1);
}

static void test_urgent_mail_for_a_domain_without_a_session_has_the_next(void **state)
{
	(void)state;
	world.is_mute = world.are_hosts_apart = true;
	for (size_t i = 0; i < 20; i++)
		submit(i, "", "d0", "one");
	world_turn(10);
	errands[20].transaction.is_urgent = true;
	submit(20, "", "d1", "one"); /* of the same tenant: none */
	world_turn(5);
	answer(3);
	assert_int_equal(errands[20].done, 1);
	assert_true(done(0, 20) <= 2);
}

static void test_urgent_mail_of_one_domain_does_not_starve_another(void **state)
{
	(void)state;
	world.is_mute = true;
	for (size_t i = 0; i < 50; i++) {
		errands[i].transaction.is_urgent = true;
		submit(i, "", "d0", "one");
	}
	submit(50, "", "d1", "one");
	world_turn(10);
	answer(25);
	assert_int_equal(errands[50].done, 1);
	assert_in_range(done(0, 50), 15, 25);
}

static void test_mail_of_one_tenant_keeps_its_session_while_it_has_a_use(void **state)
{
	(void)state;
	world.is_mute = world.are_hosts_apart = true;
	for (size_t i = 0; i < 40; i++)
		submit(i, "", i < 20 ? "d0" : "d1", "one");
	world_turn(5);
	for (unsigned i = 0; i < 200 && errands_done() < 40; i++)
		answer(1);
	assert_int_equal(errands_done(), 40);
	assert_int_equal(world.opened_count, 2);
}

static void test_a_full_source_holds_up_no_other(void **state)
{
	(void)state;
	world.is_mute = true;
	for (size_t i = 0; i < 20; i++)
		submit(i, "big", i % 2 ? "d0" : "d1", "each"); /* one session */
	world_turn(10);
	(void)errand_submit(20, "ok@d0.each.example", NULL, &second_source);
	world_turn(5);
	answer(2);
	assert_int_equal(errands[20].done, 1);
	assert_int_equal(world.open_max, 2);
}

static void test_time_in_line_does_not_keep_hosts_from_being_tried_again(void **state)
{
	(void)state;
	world.is_mute = world.are_hosts_apart = true;
	submit(0, "", "d0", "one");
	world_turn(5);
	submit(1, "", "d1", "one");
	world_turn(1500);
	world.open_err = E_TIMEOUT;
	answer(1);
	world_turn(300);
	assert_int_equal(errands_done(), 2);
	assert_string_equal(errands[1].step, "connect");
	world.open_err = OK;
	submit(2, "", "d1", "one");
	world_turn(20);
	world_answer();
	world_turn(20);
	assert_int_equal(errands[2].done, 1);
	assert_int_equal(errands[2].last[0].reply.code, 250);
}

int main(void)
{
#define PROMISE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROMISE(test_mail_for_ten_domains_gets_no_more_of_a_site_than_mail_for_one),
		PROMISE(test_sessions_change_hands_where_lanes_share_no_host_too),
		PROMISE(test_a_session_of_the_right_host_is_passed_on),
		PROMISE(test_urgent_mail_for_a_domain_without_a_session_has_the_next),
		PROMISE(test_urgent_mail_of_one_domain_does_not_starve_another),
		PROMISE(test_mail_of_one_tenant_keeps_its_session_while_it_has_a_use),
		PROMISE(test_a_full_source_holds_up_no_other),
		PROMISE(test_time_in_line_does_not_keep_hosts_from_being_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
