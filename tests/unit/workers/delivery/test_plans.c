/* Small decisions: whose turn a source is, how recipients are cut into transactions, when a lane wants a connection, how long to wait
 * before publishing again, and what a result's key is. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "lib/routing/routing.h"
#include "workers/delivery/bundles.h"
#include "workers/delivery/lane_plan.h"
#include "workers/delivery/results.h"
#include "workers/delivery/sources.h"

static void test_sources_take_turns_by_weight_without_bursts(void **state)
{
	static const struct {
		int64_t weights[3];
		size_t count;
		const char *turns;
	} cases[] = {
		{{1}, 1, "aaaa"},
		{{1, 1}, 2, "abab"},
		{{3, 1}, 2, "aabaaaba"},
		{{5, 1, 1}, 3, "aabacaa"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t credit[3] = {0};
		for (const char *turn = cases[i].turns; *turn; turn++)
			assert_int_equal(wheel_next(credit, cases[i].weights, cases[i].count),
					 *turn - 'a');
	}
}

static void test_recipients_are_cut_by_next_hop_and_size(void **state)
{
	static const struct route_settings route;
	struct addressee addressees[] = {
		{0, "b", NULL}, {1, "a", NULL}, {2, "b", NULL}, {3, "b", NULL}, {4, "b", &route},
	};
	char text[100] = "";
	(void)state;
	bundles_sort(addressees, 5);
	for (size_t at = 0, run; at < 5; at += run) {
		run = bundles_run(&addressees[at], 5 - at, 2);
		for (size_t j = 0; j < run; j++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%zu",
				 j > 0 ? "" : " ", addressees[at + j].index);
	}
	assert_string_equal(text, " 1 02 3 4");
	bundles_sort(addressees, 0);
}

static void test_a_lane_wants_a_connection_for_what_none_is_opened_for(void **state)
{
	(void)state;
	assert_false(plan_wants_link(0, 0));
	assert_true(plan_wants_link(1, 0));
	assert_false(plan_wants_link(1, 1));
	assert_true(plan_wants_link(5, 4));
}

static void test_sessions_that_linger_count_for_the_site(void **state)
{
	(void)state;
	assert_true(plan_site_has_room(0, 0, 1));
	assert_false(plan_site_has_room(1, 0, 1));
	assert_false(plan_site_has_room(0, 1, 1));
	assert_true(plan_site_has_room(3, 1, 5));
	assert_false(plan_site_has_room(3, 2, 5));
}

static void test_a_host_that_made_us_wait_is_left_alone_as_long(void **state)
{
	static const struct {
		int64_t took, dead;
	} cases[] = {{0, 0}, {999, 0}, {1000, 1000}, {30000, 30000}, {150000, 60000}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(plan_dead_ms(5, 5 + cases[i].took), cases[i].dead);
}

static void test_publications_are_repeated_with_growing_waits(void **state)
{
	(void)state;
	assert_int_equal(posting_wait_ms(1, 0.5), 100);
	assert_int_equal(posting_wait_ms(3, 0.5), 400);
	assert_int_equal(posting_wait_ms(1000, 0.5), 3000);
	assert_in_range(posting_wait_ms(1, 0), 50, 50);
}

static void test_a_key_fits_amqp_whatever_the_domain(void **state)
{
	char key[RESULT_KEY_SIZE], site[SCHEMA_NAME_MAX + 1];
	struct result result = {
		.event = RESULT_DEFERRED, .pool = BYTES("bulk"), .site = BYTES("example.com")};
	(void)state;
	result_key(&result, key);
	assert_string_equal(key, "deferred.bulk.example.com");
	memset(site, 'x', SCHEMA_NAME_MAX);
	result.site = bytes_from(site, SCHEMA_NAME_MAX);
	result_key(&result, key);
	assert_int_equal(strlen(key), RESULT_KEY_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources_take_turns_by_weight_without_bursts),
		cmocka_unit_test(test_recipients_are_cut_by_next_hop_and_size),
		cmocka_unit_test(test_a_lane_wants_a_connection_for_what_none_is_opened_for),
		cmocka_unit_test(test_sessions_that_linger_count_for_the_site),
		cmocka_unit_test(test_a_host_that_made_us_wait_is_left_alone_as_long),
		cmocka_unit_test(test_publications_are_repeated_with_growing_waits),
		cmocka_unit_test(test_a_key_fits_amqp_whatever_the_domain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
