/* Numbers with units: what is read, what is refused, and that writing gives the text back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture_shop.h"
#include "lib/conf/units.h"

struct scaled_case {
	const char *text;
	bool is_good;
	int64_t value;
	const char *written; /* NULL: as it was */
};

static void check_scaled(const struct scaled_case *cases, size_t count,
			 bool (*parse)(const char *, int64_t *),
			 void (*print)(int64_t, char[UNITS_TEXT_SIZE]))
{
	for (size_t i = 0; i < count; i++) {
		const struct scaled_case *one = &cases[i];
		char text[UNITS_TEXT_SIZE];
		int64_t value = -77;
		check_case(one->text, parse(one->text, &value) == one->is_good);
		assert_int_equal(value, one->is_good ? one->value : -77);
		if (!one->is_good)
			continue;
		print(value, text);
		assert_string_equal(text, one->written ? one->written : one->text);
	}
}
#define CHECK(cases, unit)                                                                         \
	check_scaled(cases, sizeof(cases) / sizeof(cases[0]), units_parse_##unit,                  \
		     units_write_##unit)

static void test_durations_take_one_number_and_one_unit(void **state)
{
	static const struct scaled_case cases[] = {
		{"500ms", true, 500, NULL},
		{"20s", true, 20000, NULL},
		{"5m", true, 300000, NULL},
		{"2h", true, 7200000, NULL},
		{"3d", true, 259200000, NULL},
		{"1w", true, 604800000, NULL},
		{"0", true, 0, "0s"},
		{"0h", true, 0, "0s"},
		{"60s", true, 60000, "1m"},
		{"61s", true, 61000, "61s"},
		{"7d", true, 604800000, "1w"},
		{"1500ms", true, 1500, "1500ms"},
		{"", false, 0, NULL},
		{"5", false, 0, NULL},
		{"s", false, 0, NULL},
		{"-5s", false, 0, NULL},
		{"+5s", false, 0, NULL},
		{" 5s", false, 0, NULL},
		{"5 s", false, 0, NULL},
		{"5S", false, 0, NULL},
		{"1.5h", false, 0, NULL},
		{"1h30m", false, 0, NULL},
		{"0x5s", false, 0, NULL},
		{"15250284453w", false, 0, NULL},
		{"9223372036854775807ms", true, INT64_MAX, NULL},
		{"9223372036854775808ms", false, 0, NULL},
		{"99999999999999999999s", false, 0, NULL},
	};
	(void)state;
	CHECK(cases, duration);
}

static void test_sizes_are_bytes_or_binary_units(void **state)
{
	static const struct scaled_case cases[] = {
		{"0", true, 0, NULL},
		{"100", true, 100, NULL},
		{"64KiB", true, 65536, NULL},
		{"1024", true, 1024, "1KiB"},
		{"25MiB", true, 26214400, NULL},
		{"4GiB", true, 4294967296, NULL},
		{"2TiB", true, 2199023255552, NULL},
		{"1025", true, 1025, NULL},
		{"64KB", false, 0, NULL},
		{"64K", false, 0, NULL},
		{"64kib", false, 0, NULL},
		{"-1", false, 0, NULL},
		{"", false, 0, NULL},
		{"9223372036854775807GiB", false, 0, NULL},
	};
	(void)state;
	CHECK(cases, size);
}

static void test_numbers_may_be_negative_but_have_no_unit(void **state)
{
	static const struct scaled_case cases[] = {
		{"0", true, 0, NULL},	 {"20", true, 20, NULL},  {"-3", true, -3, NULL},
		{"007", true, 7, "7"},	 {"", false, 0, NULL},	  {"-", false, 0, NULL},
		{"--3", false, 0, NULL}, {"1e3", false, 0, NULL}, {"1k", false, 0, NULL},
		{"3.0", false, 0, NULL},
	};
	(void)state;
	CHECK(cases, number);
}

static void test_percentages_need_their_sign(void **state)
{
	static const struct scaled_case cases[] = {
		{"0%", true, 0, NULL},	  {"20%", true, 20, NULL}, {"20", false, 0, NULL},
		{"20 %", false, 0, NULL}, {"%", false, 0, NULL},
	};
	(void)state;
	CHECK(cases, percent);
}

static void test_rates_are_kept_by_the_day(void **state)
{
	static const struct scaled_case cases[] = {
		{"10/s", true, 864000, NULL}, {"600/min", true, 864000, "10/s"},
		{"7/min", true, 10080, NULL}, {"5/h", true, 120, NULL},
		{"50/d", true, 50, NULL},     {"none", true, 0, NULL},
		{"0/s", false, 0, NULL},      {"10", false, 0, NULL},
		{"10/m", false, 0, NULL},     {"/s", false, 0, NULL},
		{"-1/s", false, 0, NULL},     {"999999999999999999/s", false, 0, NULL},
	};
	(void)state;
	CHECK(cases, rate);
}

static void test_factors_are_decimal(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
		double value;
		const char *written;
	} cases[] = {
		{"2", true, 2, "2"},
		{"1.5", true, 1.5, "1.5"},
		{"1.50", true, 1.5, "1.5"},
		{"0.1", true, 0.1, "0.1"},
		{"10.25", true, 10.25, "10.25"},
		{".5", false, 0, NULL},
		{"1.", false, 0, NULL},
		{"1e3", false, 0, NULL},
		{"nan", false, 0, NULL},
		{"inf", false, 0, NULL},
		{"-1", false, 0, NULL},
		{"", false, 0, NULL},
		{"1,5", false, 0, NULL},
		{"99999999999999999", false, 0, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[UNITS_TEXT_SIZE];
		double value = -7;
		check_case(cases[i].text,
			   units_parse_factor(cases[i].text, &value) == cases[i].is_good);
		if (!cases[i].is_good)
			continue;
		assert_true(value == cases[i].value);
		units_write_factor(value, text);
		assert_string_equal(text, cases[i].written);
	}
}

static void test_flags_are_four_words(void **state)
{
	static const struct {
		const char *text;
		bool is_good, value;
	} cases[] = {
		{"true", true, true}, {"yes", true, true},  {"false", true, false},
		{"no", true, false},  {"on", false, false}, {"True", false, false},
		{"1", false, false},  {"", false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool value = false;
		assert_int_equal(units_parse_flag(cases[i].text, &value), cases[i].is_good);
		assert_int_equal(value, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_take_one_number_and_one_unit),
		cmocka_unit_test(test_sizes_are_bytes_or_binary_units),
		cmocka_unit_test(test_numbers_may_be_negative_but_have_no_unit),
		cmocka_unit_test(test_percentages_need_their_sign),
		cmocka_unit_test(test_rates_are_kept_by_the_day),
		cmocka_unit_test(test_factors_are_decimal),
		cmocka_unit_test(test_flags_are_four_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
