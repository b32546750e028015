/* What was kept of a request that failed half-way, and the ids by which it goes on. */
#include "tests/check.h"

#include <string.h>

#include "ingest/progress.h"

#define DAY_MS INT64_C(86400000)

static struct mail *mail_of(const char *places_kept, size_t count)
{
	struct mail *mail = mail_new("http", 1234);
	for (size_t i = 0; i < count; i++) {
		struct destination destination = {.address = BYTES("a@b.c"),
						  .place = count - 1 - i,
						  .is_kept = places_kept[count - 1 - i] == 'k'};
		mail_add(mail, &destination);
	}
	return mail;
}

static void assert_kept(const struct progress *progress, const char *wanted)
{
	for (size_t i = 0; i < strlen(wanted); i++)
		assert_int_equal(progress_has(progress, i), wanted[i] == 'k');
}

static void test_tries_add_up(void **state)
{
	static const char first[] = "k-k-------k", second[] = "-----kk----";
	struct arena *arena = arena_new();
	struct progress read;
	(void)state;
	struct mail *mail = mail_of(first, 11);
	struct progress progress = progress_of(arena, mail, NULL, 11);
	assert_true(progress_decode(progress_encode(arena, &progress), &read));
	assert_string_equal(read.id, mail->id);
	assert_int_equal(read.accepted_wall_ms, 1234);
	assert_kept(&read, first);
	mail_free(&mail);
	mail = mail_of(second, 11);
	progress = progress_of(arena, mail, &read, 11);
	assert_kept(&progress, "k-k--kk---k");
	assert_false(progress_has(&progress, 11));
	assert_false(progress_has(&progress, 100000));
	mail_free(&mail);
	arena_free(&arena);
}

static void test_what_is_none_is_refused(void **state)
{
	struct progress progress;
	(void)state;
	assert_false(progress_decode(BYTES_NONE, &progress));
	assert_false(progress_decode(BYTES("short"), &progress));
}

static void test_the_id_is_the_same_on_the_same_day_only(void **state)
{
	struct digest key = digest_of(BYTES("key")), other = digest_of(BYTES("other"));
	char first[ID_SIZE], again[ID_SIZE];
	(void)state;
	progress_id(&key, &other, 10 * DAY_MS, first);
	assert_int_equal(strlen(first), ID_SIZE - 1);
	progress_id(&key, &other, 11 * DAY_MS - 1, again);
	assert_string_equal(first, again);
	progress_id(&key, &other, 11 * DAY_MS, again);
	assert_string_not_equal(first, again);
	progress_id(&other, &key, 10 * DAY_MS, again);
	assert_string_not_equal(first, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tries_add_up),
		cmocka_unit_test(test_what_is_none_is_refused),
		cmocka_unit_test(test_the_id_is_the_same_on_the_same_day_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
