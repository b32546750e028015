/* Patterns with `*`. */
#include "tests/check.h"

#include <string.h>

#include "lib/base/pattern.h"

static void test_a_star_stands_for_any_run(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"a*", "a", true},
		{"a*", "ba", false},
		{"*a", "banana", true},
		{"*an*na", "banana", true},
		{"*an*nb", "banana", false},
		{"crm-*", "crm-1", true},
		{"crm-*", "crm", false},
		{"a*b*c", "a--b--b--c", true},
		{"a*b*c", "a--c--b", false},
		{"**a**", "a", true},
		{"a.c", "abc", false},
		{"A", "a", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pattern_matches(cases[i].pattern, bytes_of(cases[i].text), false) !=
		    cases[i].matches)
			fail_msg("%s %s", cases[i].pattern, cases[i].text);
}

static void test_case_is_ignored_where_asked(void **state)
{
	(void)state;
	assert_true(pattern_matches("ReCeipt*", BYTES("rEceipt 42"), true));
	assert_false(pattern_matches("ReCeipt*", BYTES("rEceipt 42"), false));
	assert_false(pattern_matches("[", BYTES("{"), true));
}

static void test_a_hostile_pattern_ends_soon(void **state)
{
	static uint8_t text[100000];
	(void)state;
	memset(text, 'a', sizeof text);
	assert_false(
		pattern_matches("*a*a*a*a*a*a*a*a*a*a*b", bytes_from(text, sizeof text), false));
	text[50000] = '\0';
	assert_true(pattern_matches("a*a", bytes_from(text, sizeof text), false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_star_stands_for_any_run),
		cmocka_unit_test(test_case_is_ignored_where_asked),
		cmocka_unit_test(test_a_hostile_pattern_ends_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
