/* Dates as text, there and back. */
#include "tests/check.h"

#include "lib/base/clock.h"

static void test_rfc3339_is_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_ms; /* -1: refused */
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-21T09:20:00Z", 1795252800000},
		{"2026-11-21t09:20:00z", 1795252800000},
		{"2026-11-21T09:20:00.123Z", 1795252800123},
		{"2026-11-21T09:20:00.1Z", 1795252800100},
		{"2026-11-21T09:20:00.1239Z", 1795252800123},
		{"2026-11-21T10:20:00+01:00", 1795252800000},
		{"2026-11-21T03:50:00-05:30", 1795252800000},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"2026-02-29T00:00:00Z", -1},
		{"2026-04-31T00:00:00Z", -1},
		{"2026-13-01T00:00:00Z", -1},
		{"2026-11-21T24:00:00Z", -1},
		{"2026-11-21T09:20:00", -1},
		{"2026-11-21 09:20:00Z", -1},
		{"2026-11-21T09:20Z", -1},
		{"2026-11-21T09:20:00.Z", -1},
		{"2026-11-21T09:20:00Z ", -1},
		{"2026-11-21T09:20:00+1:00", -1},
		{"1969-12-31T23:59:59Z", -1},
		{"1970-01-01T00:00:00+01:00", -1},
		{"+026-11-21T09:20:00Z", -1},
		{"", -1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t wall_ms = 0;
		bool is_date = clock_parse_rfc3339(bytes_of(cases[i].text), &wall_ms);
		assert_int_equal(is_date, cases[i].wall_ms >= 0);
		if (is_date)
			assert_int_equal(wall_ms, cases[i].wall_ms);
	}
}

static void test_what_is_written_is_read(void **state)
{
	static const int64_t instants[] = {0, 1, 999, 951782400000, 1795252800123, 253402300799999};
	(void)state;
	for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
		char text[CLOCK_RFC3339_SIZE];
		int64_t again = -1;
		clock_rfc3339(instants[i], text);
		assert_true(clock_parse_rfc3339(bytes_of(text), &again));
		assert_int_equal(again, instants[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339_is_read_strictly),
		cmocka_unit_test(test_what_is_written_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
