/* Which limits of a site are in force: the row that was written last, until its time. */
#include "tests/check.h"

#include "broker/site_limits.h"

static void note(struct site_limits *limits, const char *site, const char *words, int64_t until,
		 uint64_t version)
{
	const struct directive directive = {.kind = DIRECTIVE_LIMIT,
					    .site = bytes_of(site),
					    .limits = bytes_of(words),
					    .until_wall_ms = until};
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	assert_int_equal(directive_encode(&directive, &value), OK);
	const struct table_entry entry = {.key = bytes_from(key, directive_key(&directive, key)),
					  .value = buf_bytes(&value),
					  .version = version};
	site_limits_note(limits, &entry);
	buf_done(&value);
}

static int64_t connections_of(const struct site_limits *limits, const char *site, int64_t now)
{
	struct site_settings settings = {.connections = 20};
	site_limits_fill(limits, site, now, &settings);
	return settings.connections;
}

static void test_the_last_row_of_a_site_counts_until_its_time(void **state)
{
	struct site_limits *limits = site_limits_new();
	(void)state;
	assert_int_equal(connections_of(limits, "big", 5), 20);
	note(limits, "big", "connections=5", 100, 2);
	note(limits, "big", "connections=7", 0, 1); /* of before */
	note(limits, "a.example", "connections=3", 0, 1);
	assert_int_equal(connections_of(limits, "big", 5), 5);
	assert_int_equal(connections_of(limits, "big", 100), 20);
	assert_int_equal(connections_of(limits, "a.example", 5), 3);
	assert_int_equal(connections_of(limits, "b.example", 5), 20);
	site_limits_free(&limits);
}

static void test_a_row_without_words_lifts(void **state)
{
	struct site_limits *limits = site_limits_new();
	(void)state;
	note(limits, "big", "connections=5", 0, 1);
	note(limits, "big", "", 0, 2);
	assert_int_equal(connections_of(limits, "big", 5), 20);
	assert_false(site_limit_is_in_force(site_limits_at(limits, 0), 5));
	assert_null(site_limits_at(limits, 1));
	site_limits_free(&limits);
}

static void test_words_of_a_newer_program_change_nothing(void **state)
{
	struct site_limits *limits = site_limits_new();
	(void)state;
	note(limits, "big", "connections=5 colour=blue", 0, 1);
	assert_int_equal(connections_of(limits, "big", 5), 20);
	site_limits_free(&limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_row_of_a_site_counts_until_its_time),
		cmocka_unit_test(test_a_row_without_words_lifts),
		cmocka_unit_test(test_words_of_a_newer_program_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
