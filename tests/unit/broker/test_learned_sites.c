/* Which site a domain was learned to belong to. Asked of a replica that the test itself fills. */
#include "tests/unit/broker/table_fixture.h"

#include <string.h>

#include "broker/learned_sites.h"
#include "lib/base/arena.h"
#include "schemas/schemas.h"

static struct site_settings sites[] = {{.name = "default"}, {.name = "big"}, {.name = "small"}};
static const struct routing_settings settings = {.sites = {sites, 3}};

static void learn(struct table_fixture *f, const char *domain, const char *site, int64_t until)
{
	const struct directive lesson = {.kind = DIRECTIVE_LEARN,
					 .domain = bytes_of(domain),
					 .site = bytes_of(site),
					 .until_wall_ms = until};
	struct buf value;
	buf_init(&value, 1000);
	assert_int_equal(directive_encode(&lesson, &value), OK);
	table_gives(f, bytes_of(domain), buf_bytes(&value), (uint64_t)until);
	buf_done(&value);
}

static void forget(struct table_fixture *f, const char *domain, uint64_t version)
{
	table_gives(f, bytes_of(domain), BYTES_NONE, version);
}

static int setup(void **state)
{
	struct table_fixture *f = calloc(1, sizeof *f);
	table_open(f, LEARNED_SITES_TABLE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct table_fixture *f = *state;
	table_close(f);
	free(f);
	return 0;
}

/* ---- */

static void test_a_learned_site_holds_until_its_time(void **state)
{
	struct table_fixture *f = *state;
	struct routing *routing = routing_new(&settings);
	char key[ROUTING_NAME_MAX + 2];
	assert_null(learned_site_find(f->replica, routing, "a.example", 1));
	learn(f, "a.example", "big", 1000);
	assert_string_equal(learned_site_find(f->replica, routing, "a.example", 999), "big");
	assert_null(learned_site_find(f->replica, routing, "a.example", 1000));
	assert_null(learned_site_find(f->replica, routing, "b.example", 1));
	learned_site_key(f->replica, routing, "a.example", 999, key);
	assert_string_equal(key, "big");
	learned_site_key(f->replica, routing, "a.example", 1000, key);
	assert_string_equal(key, "a.example");
	learned_site_key(NULL, routing, "a.example", 1, key);
	assert_string_equal(key, "a.example");
	routing_free(&routing);
}

static void test_only_sites_of_the_settings_are_believed(void **state)
{
	struct table_fixture *f = *state;
	struct routing *routing = routing_new(&settings);
	learn(f, "a.example", "gone", 1000);
	learn(f, "b.example", "default", 1000);
	assert_null(learned_site_find(f->replica, routing, "a.example", 1));
	assert_null(learned_site_find(f->replica, routing, "b.example", 1));
	routing_free(&routing);
}

static void test_what_was_forgotten_is_not_known_and_can_be_learned_again(void **state)
{
	struct table_fixture *f = *state;
	struct routing *routing = routing_new(&settings);
	learn(f, "a.example", "big", 1000);
	forget(f, "a.example", 1001);
	assert_null(learned_site_find(f->replica, routing, "a.example", 1));
	learn(f, "a.example", "small", 2000);
	assert_string_equal(learned_site_find(f->replica, routing, "a.example", 1), "small");
	assert_int_equal(replica_count(f->replica), 1);
	routing_free(&routing);
}

static void test_news_is_what_is_not_there_is_other_or_grows_old(void **state)
{
	struct table_fixture *f = *state;
	const int64_t now = 1000, until = now + LEARNED_SITE_MS;
	assert_true(learned_site_is_news(f->replica, "a.example", "big", now));
	learn(f, "a.example", "big", until);
	assert_false(learned_site_is_news(f->replica, "a.example", "big", now));
	assert_true(learned_site_is_news(f->replica, "a.example", "small", now));
	assert_true(learned_site_is_news(f->replica, "a.example", "big",
					 until - LEARNED_SITE_MS / 2 + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_learned_site_holds_until_its_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_only_sites_of_the_settings_are_believed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_what_was_forgotten_is_not_known_and_can_be_learned_again, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_news_is_what_is_not_there_is_other_or_grows_old, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
