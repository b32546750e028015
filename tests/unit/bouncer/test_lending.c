/* Which domain gets which of the queues that are lent. The table is an array of this test; appends are in it at once, or not at all. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bouncer/lending.h"
#include "broker/learned_sites.h"
#include "lib/base/arena.h"
#include "lib/routing/lent.h"

#define ROWS_MAX 50
#define NOW	 INT64_C(1000000)
#define FOR	 INT64_C(60000)

static struct site_settings sites[] = {{.name = "default"}, {.name = "lent-1"}, {.name = "lent-2"}};
static const struct routing_settings settings = {.sites = {sites, 3}};

static struct row {
	char key[ROUTING_NAME_MAX + 1];
	struct learned_site value;
} rows[ROWS_MAX];
static size_t row_count, append_count, done_count;
static bool is_complete, is_deaf;

/* ---- what stands below ---- */

static struct row *find(const char *key)
{
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

enum err learned_site_read(struct replica *replica, const char *domain, struct learned_site *ret)
{
	const struct row *row = find(domain);
	(void)replica;
	if (!row)
		return E_NOT_FOUND;
	*ret = row->value;
	return OK;
}

void learned_slot_key(int index, char out[ROUTING_NAME_MAX + 1])
{
	(void)snprintf(out, ROUTING_NAME_MAX + 1, LEARNED_SLOT_PREFIX "%d", index + 1);
}

bool replica_is_complete(const struct replica *replica)
{
	(void)replica;
	return is_complete;
}

static void keep(const struct table_entry *entry)
{
	struct arena *arena = arena_new();
	struct directive directive;
	char key[ROUTING_NAME_MAX + 1];
	assert_true(bytes_to_cstr(entry->key, key, sizeof key));
	assert_int_equal(directive_decode(arena, entry->value, &directive, NULL), OK);
	struct row *row = find(key);
	if (!row) {
		assert_true(row_count < ROWS_MAX);
		row = &rows[row_count++];
	}
	memcpy(row->key, key, sizeof key);
	assert_true(bytes_to_cstr(directive.site, row->value.site, sizeof row->value.site));
	assert_true(bytes_to_cstr(directive.domain, row->value.domain, sizeof row->value.domain));
	row->value.until_wall_ms = directive.until_wall_ms;
	arena_free(&arena);
}

void appender_append(struct appender *appender, const char *table, const struct table_entry *entry,
		     void (*done)(void *owner, enum err err), void *owner)
{
	(void)appender;
	assert_string_equal(table, LEARNED_SITES_TABLE);
	append_count++;
	if (!is_deaf)
		keep(entry);
	done(owner, OK);
}

/* ---- */

struct fixture {
	struct routing *routing;
	struct lending *lending;
};

static void restart(struct fixture *f)
{
	if (f->lending)
		lending_free(&f->lending);
	f->lending = lending_new(NULL, NULL, f->routing);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	row_count = append_count = done_count = 0;
	is_complete = true;
	is_deaf = false;
	f->routing = routing_new(&settings);
	restart(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	lending_free(&f->lending);
	routing_free(&f->routing);
	free(f);
	return 0;
}

static void on_done(void *owner, enum err err)
{
	(void)owner;
	assert_int_equal(err, OK);
	done_count++;
}

/* Asked for `site` by a worker at `now`; the site that the domain has then, "" for none. */
static const char *ask(struct fixture *f, const char *domain, const char *site, int64_t now)
{
	const struct directive lesson = {.kind = DIRECTIVE_LEARN,
					 .site = bytes_of(site),
					 .domain = bytes_of(domain),
					 .by = BYTES("w"),
					 .until_wall_ms = now + FOR};
	size_t before = done_count;
	assert_true(lending_is_asked(&lesson));
	lending_note(f->lending, &lesson, domain, now, on_done, f);
	assert_int_equal(done_count, before + 1);
	const struct row *row = find(domain);
	return row && row->value.until_wall_ms > now ? row->value.site : "";
}

static void test_each_domain_gets_a_queue_until_there_is_none(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(ask(f, "a.example", LENT_ANY, NOW), "lent-1");
	assert_string_equal(ask(f, "b.example", LENT_ANY, NOW), "lent-2");
	assert_string_equal(ask(f, "c.example", LENT_ANY, NOW), "");
	assert_string_equal(ask(f, "b.example", LENT_ANY, NOW + 1), "lent-2");
	assert_string_equal(find("slot/1")->value.domain, "a.example");
	assert_string_equal(find("slot/2")->value.domain, "b.example");
}

static void test_it_is_kept_while_it_is_asked_for_and_rests_before_it_is_anothers(void **state)
{
	struct fixture *f = *state;
	(void)ask(f, "a.example", LENT_ANY, NOW);
	(void)ask(f, "b.example", LENT_ANY, NOW);
	assert_string_equal(ask(f, "b.example", "lent-2", NOW + FOR - 1), "lent-2");
	assert_string_equal(ask(f, "c.example", LENT_ANY, NOW + FOR), "");
	assert_string_equal(ask(f, "c.example", LENT_ANY, NOW + FOR + 1999), "");
	assert_string_equal(ask(f, "c.example", LENT_ANY, NOW + FOR + 2000), "lent-1");
	assert_string_equal(ask(f, "b.example", "lent-2", NOW + FOR + 2000), "lent-2");
}

static void test_who_had_it_cannot_have_it_back_by_name_when_it_is_anothers(void **state)
{
	struct fixture *f = *state;
	int64_t later = NOW + FOR + 5000;
	(void)ask(f, "a.example", LENT_ANY, NOW);
	assert_string_equal(ask(f, "b.example", LENT_ANY, later), "lent-1");
	size_t before = append_count;
	assert_string_equal(ask(f, "a.example", "lent-1", later + 1), "");
	assert_int_equal(append_count, before);
	assert_string_equal(find("slot/1")->value.domain, "b.example");
}

static void test_a_bouncer_that_starts_goes_by_the_table(void **state)
{
	struct fixture *f = *state;
	(void)ask(f, "a.example", LENT_ANY, NOW);
	restart(f);
	is_complete = false;
	assert_string_equal(ask(f, "b.example", LENT_ANY, NOW + 1), "");
	is_complete = true;
	assert_string_equal(ask(f, "b.example", LENT_ANY, NOW + 2), "lent-2");
	assert_string_equal(ask(f, "a.example", "lent-1", NOW + 3), "lent-1");
	assert_int_equal(find("a.example")->value.until_wall_ms, NOW + 3 + FOR);
}

static void test_what_is_not_in_the_table_yet_is_lent_all_the_same(void **state)
{
	struct fixture *f = *state;
	is_deaf = true;
	(void)ask(f, "a.example", LENT_ANY, NOW);
	is_deaf = false;
	assert_string_equal(ask(f, "b.example", LENT_ANY, NOW), "lent-2");
}

static void test_the_time_that_is_asked_for_is_bounded(void **state)
{
	static const struct {
		int64_t asked, given;
	} cases[] = {{-5, 1000}, {0, 1000}, {5000, 5000}, {INT64_C(1) << 50, 86400000}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *f = *state;
		const struct directive lesson = {.kind = DIRECTIVE_LEARN,
						 .site = BYTES(LENT_ANY),
						 .domain = BYTES("a.example"),
						 .until_wall_ms = NOW + cases[i].asked};
		restart(f);
		row_count = 0;
		lending_note(f->lending, &lesson, "a.example", NOW, on_done, f);
		assert_int_equal(find("a.example")->value.until_wall_ms, NOW + cases[i].given);
	}
}

static void test_other_lessons_are_none_of_its_business(void **state)
{
	static const char *const others[] = {"", "google", "lent-0", "lent-17"};
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		const struct directive lesson = {.kind = DIRECTIVE_LEARN,
						 .site = bytes_of(others[i])};
		assert_false(lending_is_asked(&lesson));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_domain_gets_a_queue_until_there_is_none),
		TEST(test_it_is_kept_while_it_is_asked_for_and_rests_before_it_is_anothers),
		TEST(test_who_had_it_cannot_have_it_back_by_name_when_it_is_anothers),
		TEST(test_a_bouncer_that_starts_goes_by_the_table),
		TEST(test_what_is_not_in_the_table_yet_is_lent_all_the_same),
		TEST(test_the_time_that_is_asked_for_is_bounded),
		TEST(test_other_lessons_are_none_of_its_business),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
