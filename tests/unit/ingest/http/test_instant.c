/* Instants: RFC 3339 to the millisecond, and nothing that only looks like it. */
#include "tests/check.h"

#include "ingest/http/instant.h"

static const struct {
	const char *text;
	int64_t wall_ms; /* -1: refused */
} cases[] = {
	{"1970-01-01T00:00:00Z", 0},
	{"2026-11-21T14:52:00Z", 1795272720000},
	{"2026-11-21t14:52:00z", 1795272720000},
	{"2026-11-21T15:52:00+01:00", 1795272720000},
	{"2026-11-21T10:52:00-04:00", 1795272720000},
	{"2026-11-21T14:52:00.5Z", 1795272720500},
	{"2026-11-21T14:52:00.123456Z", 1795272720123},
	{"2024-02-29T00:00:00Z", 1709164800000},
	{"2023-02-29T00:00:00Z", -1},
	{"2100-02-29T00:00:00Z", -1},
	{"1970-01-01T00:00:00+01:00", -1},
	{"1969-12-31T23:59:59Z", -1},
	{"2026-13-01T00:00:00Z", -1},
	{"2026-00-01T00:00:00Z", -1},
	{"2026-11-21T24:00:00Z", -1},
	{"2026-11-21T14:52:00", -1},
	{"2026-11-21T14:52:00.Z", -1},
	{"2026-11-21T14:52:00Z ", -1},
	{"2026-11-21", -1},
	{"+026-11-21T14:52:00Z", -1},
	{"", -1},
};

static void test_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t wall_ms = -2;
		bool is_good = instant_parse(bytes_of(cases[i].text), &wall_ms);
		if (is_good != (cases[i].wall_ms >= 0))
			print_error("%s\n", cases[i].text);
		assert_int_equal(is_good, cases[i].wall_ms >= 0);
		if (is_good)
			assert_int_equal(wall_ms, cases[i].wall_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_form)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
