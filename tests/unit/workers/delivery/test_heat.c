/* When the bouncer is asked for a queue for a hot domain, and asked again. Lessons end here. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/delivery/heat.h"
#include "workers/delivery/lesson.h"

#define LENT_FOR 60000
#define EVERY	 (LENT_FOR / 6)

static struct site_settings sites[] = {{.name = "default"}, {.name = "lent-1"}, {.name = "lent-2"}};
static const struct worker_settings workers = {.lent_for = LENT_FOR};

static struct told {
	size_t count;
	char domain[ROUTING_NAME_MAX + 1], site[ROUTING_NAME_MAX + 1];
	int64_t for_ms;
} told;
static struct loop *loop;
static size_t handed_count;
static char handed_from[ROUTING_NAME_MAX + 1];

void lesson_tell(struct postings *postings, const char *domain, const char *site,
		 int64_t until_wall_ms, const char *by)
{
	(void)postings;
	assert_string_equal(by, "w");
	told.count++;
	(void)snprintf(told.domain, sizeof told.domain, "%s", domain);
	(void)snprintf(told.site, sizeof told.site, "%s", site);
	told.for_ms = until_wall_ms - loop_wall_ms(loop);
}

static void on_handed(void *owner, const char *site, const char *domain, const char *before)
{
	const struct heat *const *heat = owner;
	assert_string_equal(heat_domain(*heat, site), domain);
	handed_count++;
	(void)snprintf(handed_from, sizeof handed_from, "%s", before);
}

struct fixture {
	struct routing_settings settings;
	struct routing *routing;
	struct heat *heat;
};

static int set_up_with(void **state, size_t site_count)
{
	struct fixture *f = calloc(1, sizeof *f);
	told = (struct told){0};
	handed_count = 0;
	loop = loop_new();
	f->settings = (struct routing_settings){.sites = {sites, site_count}};
	f->routing = routing_new(&f->settings);
	f->heat = heat_new(&(struct heat_options){.loop = loop,
						  .routing = f->routing,
						  .settings = &workers,
						  .worker_name = "w",
						  .handed = on_handed,
						  .owner = &f->heat});
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return set_up_with(state, 3);
}

static int setup_without(void **state)
{
	return set_up_with(state, 1);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	heat_free(&f->heat);
	routing_free(&f->routing);
	loop_free(&loop);
	free(f);
	return 0;
}

static void test_a_hot_domain_is_told_at_once_and_again_after_a_while(void **state)
{
	struct fixture *f = *state;
	heat_note(f->heat, "a.example", 1000);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.domain, "a.example");
	assert_string_equal(told.site, LENT_ANY);
	assert_in_range(told.for_ms, LENT_FOR - 1000, LENT_FOR);
	heat_note(f->heat, "a.example", 5999);
	assert_int_equal(told.count, 1);
	heat_note(f->heat, "b.example", 5999);
	assert_int_equal(told.count, 2);
	heat_note(f->heat, "a.example", 6000);
	assert_int_equal(told.count, 3);
}

static void test_more_domains_than_are_remembered_are_told_too(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 100; i++) {
		char domain[40];
		(void)snprintf(domain, sizeof domain, "d%d.example", i);
		heat_note(f->heat, domain, 1000 + i);
		assert_int_equal(told.count, (size_t)i + 1);
	}
	heat_note(f->heat, "d99.example", 1200); /* is remembered */
	assert_int_equal(told.count, 100);
	heat_note(f->heat, "d0.example", 1200); /* is not */
	assert_int_equal(told.count, 101);
}

static void test_a_queue_is_asked_for_again_for_whom_it_is_lent_to(void **state)
{
	struct fixture *f = *state;
	heat_note(f->heat, "lent-1", 1000); /* whose it is nobody has seen */
	assert_int_equal(told.count, 0);
	heat_see(f->heat, "lent-1", "a.example");
	heat_note(f->heat, "lent-1", 2000);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.domain, "a.example");
	assert_string_equal(told.site, "lent-1");
	heat_see(f->heat, "lent-1", "a.example");
	heat_note(f->heat, "lent-1", 2000 + EVERY - 1);
	assert_int_equal(told.count, 1);
	heat_note(f->heat, "lent-2", 2000 + EVERY);
	heat_note(f->heat, "lent-1", 2000 + EVERY);
	assert_int_equal(told.count, 2);
}

static void test_a_change_of_hands_is_told_once(void **state)
{
	struct fixture *f = *state;
	heat_see(f->heat, "lent-1", "a.example");
	heat_see(f->heat, "lent-1", "a.example");
	assert_int_equal(handed_count, 1);
	assert_string_equal(handed_from, "");
	heat_see(f->heat, "google", "b.example");
	assert_int_equal(handed_count, 1);
	heat_see(f->heat, "lent-1", "b.example");
	assert_int_equal(handed_count, 2);
	assert_string_equal(handed_from, "a.example");
	heat_note(f->heat, "lent-1", 5);
	assert_string_equal(told.domain, "b.example");
	assert_string_equal(heat_domain(f->heat, "lent-2"), "");
	assert_string_equal(heat_domain(f->heat, "b.example"), "");
}

static void test_named_sites_are_not_hot(void **state)
{
	struct fixture *f = *state;
	heat_note(f->heat, "google", 1000);
	assert_int_equal(told.count, 0);
}

static void test_without_queues_to_lend_nobody_is_asked(void **state)
{
	struct fixture *f = *state;
	heat_note(f->heat, "a.example", 1000);
	assert_int_equal(told.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_hot_domain_is_told_at_once_and_again_after_a_while),
		TEST(test_more_domains_than_are_remembered_are_told_too),
		TEST(test_a_queue_is_asked_for_again_for_whom_it_is_lent_to),
		TEST(test_a_change_of_hands_is_told_once),
		TEST(test_named_sites_are_not_hot),
		cmocka_unit_test_setup_teardown(test_without_queues_to_lend_nobody_is_asked,
						setup_without, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
