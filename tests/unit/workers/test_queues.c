/* Which queues a worker takes for which options. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/queues.h"

static struct pool_settings pools[] = {{.name = "default"}, {.name = "bulk"}};
static struct site_settings sites[] = {{.name = "default", .own_queue = true},
				       {.name = "gmail", .own_queue = true},
				       {.name = "yahoo", .own_queue = true},
				       {.name = "rare"}};
static const struct routing_settings settings = {.pools = {pools, 2}, .sites = {sites, 4}};

#define LIST(...)     ((const char *const[]){__VA_ARGS__}), COUNT_OF(__VA_ARGS__)
#define COUNT_OF(...) (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define ALL	      NULL, 0

static void test_pools_and_sites_choose_the_queues(void **state)
{
	const struct {
		struct queues_wanted wanted;
		size_t named, tail;
	} cases[] = {
		{{ALL, ALL}, 4, 16},
		{{LIST("bulk"), ALL}, 2, 8},
		{{ALL, LIST("gmail")}, 2, 0},
		{{ALL, LIST("tail")}, 0, 16},
		{{LIST("bulk"), LIST("yahoo", "tail")}, 1, 8},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct worker_queues queues;
		struct why why;
		assert_int_equal(
			worker_queues_select(&settings, &cases[i].wanted, 1, &queues, &why), OK);
		assert_int_equal(queues.count, cases[i].named + cases[i].tail);
		for (size_t j = 0; j < queues.count; j++)
			assert_int_equal(queues.items[j].is_tail, j >= cases[i].named);
		worker_queues_done(&queues);
	}
}

static void test_a_pool_with_urgent_mail_has_its_queues_twice_the_urgent_first(void **state)
{
	struct queues_wanted wanted = {LIST("bulk"), LIST("gmail")};
	struct worker_queues queues;
	struct why why;
	(void)state;
	pools[1].urgent = true;
	assert_int_equal(worker_queues_select(&settings, &wanted, 1, &queues, &why), OK);
	pools[1].urgent = false;
	assert_int_equal(queues.count, 2);
	assert_string_equal(queues.items[0].name, "deliver.bulk~urgent.gmail");
	assert_string_equal(queues.items[1].name, "deliver.bulk.gmail");
	assert_string_equal(queues.items[0].pool, "bulk");
	assert_string_equal(queues.items[0].site, "gmail");
	worker_queues_done(&queues);
}

static void test_who_takes_the_tail_takes_the_queues_that_are_lent(void **state)
{
	static struct site_settings with_lent[] = {{.name = "default", .own_queue = true},
						   {.name = "gmail", .own_queue = true},
						   {.name = "lent-1", .own_queue = true}};
	static const struct routing_settings lending = {.pools = {pools, 1},
							.sites = {with_lent, 3}};
	const struct {
		struct queues_wanted wanted;
		bool is_lent_taken;
	} cases[] = {
		{{ALL, ALL}, true}, {{ALL, LIST("tail")}, true}, {{ALL, LIST("gmail")}, false}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct worker_queues queues;
		struct why why;
		bool is_taken = false;
		assert_int_equal(worker_queues_select(&lending, &cases[i].wanted, 1, &queues, &why),
				 OK);
		for (size_t j = 0; j < queues.count; j++)
			is_taken |= strcmp(queues.items[j].name, "deliver.default.lent-1") == 0;
		assert_int_equal(is_taken, cases[i].is_lent_taken);
		worker_queues_done(&queues);
	}
}

static void test_names_that_nobody_knows_are_told(void **state)
{
	const struct queues_wanted cases[] = {
		{LIST("nosuch"), ALL},
		{ALL, LIST("gmail", "nosuch")},
		{ALL, LIST("default")}, /* has no queue */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct worker_queues queues;
		struct why why;
		assert_int_equal(worker_queues_select(&settings, &cases[i], 1, &queues, &why),
				 E_NOT_FOUND);
		assert_non_null(strstr(why.text, "\""));
	}
}

static void test_workers_begin_with_different_shards_and_take_each_once(void **state)
{
	struct queues_wanted wanted = {ALL, ALL};
	unsigned first_differs = 0;
	char first[QUEUE_NAME_MAX] = "";
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct worker_queues queues;
		struct why why;
		assert_int_equal(worker_queues_select(&settings, &wanted, seed * 77, &queues, &why),
				 OK);
		for (size_t i = 0; i < queues.count; i++)
			for (size_t j = 0; j < i; j++)
				assert_string_not_equal(queues.items[i].name, queues.items[j].name);
		first_differs += strcmp(first, queues.items[4].name) != 0;
		strcpy(first, queues.items[4].name);
		worker_queues_done(&queues);
	}
	assert_in_range(first_differs, 10, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools_and_sites_choose_the_queues),
		cmocka_unit_test(
			test_a_pool_with_urgent_mail_has_its_queues_twice_the_urgent_first),
		cmocka_unit_test(test_who_takes_the_tail_takes_the_queues_that_are_lent),
		cmocka_unit_test(test_names_that_nobody_knows_are_told),
		cmocka_unit_test(test_workers_begin_with_different_shards_and_take_each_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
