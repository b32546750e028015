/* Time zones from the system's files, against what the C library says of them; and damaged files. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/zone.h"

static struct bytes read_whole(struct arena *arena, const char *name)
{
	uint8_t *data = arena_alloc(arena, ZONE_FILE_MAX);
	FILE *file = fopen(arena_printf(arena, "/usr/share/zoneinfo/%s", name), "rb");
	assert_non_null(file);
	size_t len = fread(data, 1, ZONE_FILE_MAX, file);
	(void)fclose(file);
	return bytes_from(data, len);
}

static void test_offsets_are_those_of_the_c_library(void **state)
{
	static const char *const names[] = {
		"Europe/Berlin",  "America/New_York",  "Europe/Dublin",	   "Australia/Lord_Howe",
		"Asia/Kathmandu", "Africa/Casablanca", "America/Santiago", "Asia/Tokyo",
		"Pacific/Apia",	  "Etc/GMT+5"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct arena *arena = arena_new();
		const struct zone *zone;
		struct why why;
		assert_int_equal(zone_read(arena, read_whole(arena, names[i]), &zone, &why), OK);
		assert_int_equal(setenv("TZ", names[i], 1), 0);
		tzset();
		/* some 3.5 days apart, so that the hours around changes are met over the years; past 2037 the rule alone tells */
		for (int64_t at = 0; at < INT64_C(4102444800); at += 304217) {
			time_t time = (time_t)at;
			struct tm tm;
			assert_non_null(localtime_r(&time, &tm));
			assert_int_equal(zone_offset_s(zone, at), tm.tm_gmtoff);
		}
		arena_free(&arena);
	}
}

static void test_changes_take_effect_at_their_second(void **state)
{
	static const struct {
		int64_t at;
		int64_t offset;
	} cases[] = {
		{1774745999, 3600},	{1774746000, 7200}, /* 2026-03-29 01:00 UTC */
		{1792889999, 7200},	{1792890000, 3600}, /* 2026-10-25 01:00 UTC */
		{3930210000 - 1, 7200},			    /* 2094: by the rule */
	};
	struct arena *arena = arena_new();
	const struct zone *zone;
	struct why why;
	(void)state;
	assert_int_equal(zone_read(arena, read_whole(arena, "Europe/Berlin"), &zone, &why), OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(zone_offset_s(zone, cases[i].at), cases[i].offset);
	assert_int_equal(zone_offset_s(NULL, 1774746000), 0);
	arena_free(&arena);
}

static void test_any_cut_and_any_flipped_byte_is_read_safely(void **state)
{
	struct arena *arena = arena_new();
	struct bytes whole = read_whole(arena, "Europe/Berlin");
	const struct zone *zone;
	struct why why;
	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		struct arena *scratch = arena_new();
		uint8_t *copy = malloc(len + 1); /* of its own, so that reading behind it is seen */
		assert_non_null(copy);
		memcpy(copy, whole.data, len);
		assert_int_equal(zone_read(scratch, bytes_from(copy, len), &zone, &why),
				 E_MALFORMED);
		free(copy);
		arena_free(&scratch);
	}
	for (size_t i = 0; i < whole.len; i++) {
		struct arena *scratch = arena_new();
		struct bytes copy = arena_copy(scratch, whole);
		((uint8_t *)copy.data)[i] ^= 0x81;
		if (zone_read(scratch, copy, &zone, &why) == OK)
			for (int64_t at = -5000000000; at < 5000000000; at += 100000007)
				(void)zone_offset_s(zone, at);
		arena_free(&scratch);
	}
	arena_free(&arena);
}

static void test_names_lead_nowhere_else(void **state)
{
	static const struct {
		const char *name;
		bool is_name;
	} cases[] = {{"Europe/Berlin", true},
		     {"UTC", true},
		     {"Etc/GMT+5", true},
		     {"", false},
		     {"/etc/x", false},
		     {"../x", false},
		     {"a/../b", false},
		     {"a//b", false},
		     {"a/", false}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(zone_is_name(cases[i].name), cases[i].is_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets_are_those_of_the_c_library),
		cmocka_unit_test(test_changes_take_effect_at_their_second),
		cmocka_unit_test(test_any_cut_and_any_flipped_byte_is_read_safely),
		cmocka_unit_test(test_names_lead_nowhere_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
