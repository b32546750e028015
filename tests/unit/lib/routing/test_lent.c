/* Sites that are lent: like the default, with a queue, and no domain's by themselves. */
#include "tests/check.h"

#include "lib/routing/lent.h"

static const char *domains[] = {"big.example"}, *patterns[] = {"mx.example"};

static void test_they_stand_behind_the_others_and_are_like_the_default(void **state)
{
	struct arena *arena = arena_new();
	struct site_settings sites[] = {
		{.name = "default", .connections = 7},
		{.name = "big", .domains = {domains, 1}, .mx = {patterns, 1}}};
	struct routing_settings settings = {.sites = {sites, 2}};
	(void)state;
	lent_add(arena, &settings, 2);
	lent_add(arena, &settings, 1); /* it is there */
	assert_int_equal(settings.sites.count, 4);
	struct routing *routing = routing_new(&settings);
	const struct site_settings *lent = routing_site_settings(routing, "lent-2");
	assert_string_equal(lent->name, "lent-2");
	assert_int_equal(lent->connections, 7);
	assert_true(site_has_queue(lent));
	assert_int_equal(lent->domains.count + lent->mx.count, 0);
	assert_string_equal(routing_named_site(routing, "big.example"), "big");
	assert_null(routing_known_site(routing, "lent-3"));
	routing_free(&routing);
	arena_free(&arena);
}

static void test_names(void **state)
{
	static const char *const others[] = {"lent-0", "lent-17", "lent-",
					     "lent-x", "lent",	  "a.example"};
	char name[ROUTING_NAME_MAX + 1];
	(void)state;
	for (int i = 0; i < LENT_MAX; i++) {
		lent_name(i, name);
		assert_int_equal(lent_index(name), i);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(lent_index(others[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_they_stand_behind_the_others_and_are_like_the_default),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
