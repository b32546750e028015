/* Patterns: what they fit, beside another engine's opinion; what is refused and where; time that no pattern can make long. */
#include "tests/check.h"

#include "lib/base/memory.h"
#include "lib/match/match.h"

#include <stdio.h>
#include <time.h>

/* A case of a table is wrong: which. */
static void wrong(const char *format, ...) PRINTF_LIKE(1, 2);
static void wrong(const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	assert_string_equal(text, "");
}

static bool fits_text(const char *pattern, struct bytes text)
{
	struct match_set *set = NULL;
	struct why why = {""};
	size_t id;
	if (match_set_new(&pattern, 1, &set, NULL, &why) != OK)
		wrong("%s: %s", pattern, why.text);
	struct match_scratch *scratch = match_scratch_new(set);
	bool is_found = match_all(scratch, text, &id, 1) == 1;
	match_scratch_free(&scratch);
	match_set_free(&set);
	return is_found;
}

static bool fits(const char *pattern, const char *text)
{
	return fits_text(pattern, bytes_of(text));
}

static void test_a_pattern_fits_anywhere(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool is_found;
	} cases[] = {
		{"unusual rate", "421 4.7.28 Our system has detected an UNUSUAL RATE of mail",
		 true},
		{"4\\.7\\.28|unusual rate", "421-4.7.28 x", true},
		{"4\\.7\\.28", "4x7y28", false},
		{"\\[TS0[1-4]\\]", "421 4.7.0 [TS02] Messages", true},
		{"\\[TS0[1-4]\\]", "421 4.7.0 [TS05] Messages", false},
		{"^421", "x421", false},
		{"^421", "421", true},
		{"later$", "try later", true},
		{"later$", "try later\n", false},
		{"^$", "", true},
		{"^$", "x", false},
		{"\\brate\\b", "rates", false},
		{"\\brate\\b", "(rate)", true},
		{"\\Bate", "rate", true},
		{"a.c", "a\nc", true},
		{"x{3}", "xx", false},
		{"x{3}", "xxx", true},
		{"^x{2,3}$", "xxxx", false},
		{"^(ab){2,}$", "abababab", true},
		{"(?-i)RL", "rl", false},
		{"(?-i)[A-Z]L", "RL", true},
		{"(?i)RL", "rl", true},
		{"[^a]", "aA", false},
		{"überlastet", "der server ist überlastet", true},
		{"^é+$", "éé", true},
		{"\\xc3", "é", true},
		{"[a\\]]", "]", true},
		{"a]}", "a]}", true},
		{"(|a)b", "b", true},
		{"(a*)*b", "b", true},
		{"(\\b)*x", "x", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (fits(cases[i].pattern, cases[i].text) != cases[i].is_found)
			wrong("%s in %s", cases[i].pattern, cases[i].text);
}

static void test_another_engine_finds_the_same(void **state)
{
	FILE *file = fopen(LEVERET_SOURCE_DIR "/tests/golden/match/cases.tsv", "r");
	char line[1024];
	size_t count = 0;
	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		uint8_t text[64];
		size_t len = 0;
		char *hex = strchr(line, '\t'), *end = strrchr(line, '\t');
		*hex++ = '\0';
		*end++ = '\0';
		for (; hex[0]; hex += 2)
			text[len++] = (uint8_t)(bytes_hex_digit((uint8_t)hex[0]) * 16 +
						bytes_hex_digit((uint8_t)hex[1]));
		if (fits_text(line, bytes_from(text, len)) != (end[0] == '1'))
			wrong("%s: should be %s", line, end);
		count++;
	}
	(void)fclose(file);
	assert_int_equal(count, 2000);
}

static void test_what_is_no_pattern_is_told_with_its_place(void **state)
{
	static const struct {
		const char *pattern, *text;
		enum err err;
	} cases[] = {
		{"", "offset 0: expected a pattern", E_MALFORMED},
		{"ab(cd", "offset 2: expected \")\"", E_MALFORMED},
		{"ab)", "offset 2: there is no \"(\"", E_MALFORMED},
		{"a[bc", "offset 1: expected \"]\"", E_MALFORMED},
		{"a[]b]", "offset 2: expected a byte", E_MALFORMED},
		{"a[^]b]", "offset 3: expected a byte", E_MALFORMED},
		{"[z-a]", "offset 1: expected a range", E_MALFORMED},
		{"[a-\\d]", "offset 1: expected a range", E_MALFORMED},
		{"[[:alpha:]]", "offset 1: there are no [:names:]", E_MALFORMED},
		{"[é]", "offset 1: a class holds ASCII", E_MALFORMED},
		{"*a", "offset 0: expected something to repeat", E_MALFORMED},
		{"a|+", "offset 2: expected something to repeat", E_MALFORMED},
		{"a**", "offset 2: a repetition of a repetition", E_MALFORMED},
		{"^*", "offset 1: expected something to repeat", E_MALFORMED},
		{"a{", "offset 1: expected {m}", E_MALFORMED},
		{"a{3,2}", "offset 1: expected {m}", E_MALFORMED},
		{"a{1001}", "offset 2: more than 1000", E_TOO_BIG},
		{"a\\", "offset 1: expected \\d", E_MALFORMED},
		{"\\q", "offset 0: expected \\d", E_MALFORMED},
		{"\\xg0", "offset 0: expected \\d", E_MALFORMED},
		{"(a)\\1", "offset 3: there are no back references", E_MALFORMED},
		{"a(?=b)", "offset 1: expected ( ) or (?: )", E_MALFORMED},
		{"a(?i)b", "offset 1: expected ( ) or (?: )", E_MALFORMED},
		{"\xff", "expected UTF-8", E_MALFORMED},
		{"((a{100}){100}){100}", "too large", E_TOO_BIG},
		{"((((){1000}){1000}){1000}){1000}", "too large", E_TOO_BIG},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct why why = {""};
		enum err err = match_check(cases[i].pattern, &why);
		if (err != cases[i].err || !strstr(why.text, cases[i].text))
			wrong("%s: %d %s", cases[i].pattern, err, why.text);
	}
}

static void test_groups_nested_too_deep_are_refused(void **state)
{
	char pattern[MATCH_DEPTH_MAX * 2 + 8] = "";
	struct why why;
	(void)state;
	memset(pattern, '(', MATCH_DEPTH_MAX + 1);
	memset(pattern + MATCH_DEPTH_MAX + 1, ')', MATCH_DEPTH_MAX + 1);
	assert_int_equal(match_check(pattern, &why), E_TOO_BIG);
	assert_int_equal(match_check(pattern + 1, &why), E_MALFORMED); /* one ")" too many */
	pattern[2 * MATCH_DEPTH_MAX + 1] = '\0';
	assert_int_equal(match_check(pattern + 1, &why), OK);
}

static void test_a_set_tells_which_of_its_patterns_fit(void **state)
{
	static const char *const patterns[] = {"rate", "^421", "later", "x*", "4\\.7\\.\\d+"};
	struct match_set *set = NULL;
	size_t ids[5], bad;
	struct why why;
	(void)state;
	assert_int_equal(match_set_new(patterns, 5, &set, &bad, &why), OK);
	struct match_scratch *scratch = match_scratch_new(set);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(match_all(scratch, BYTES("421 4.7.28 rate"), ids, 5), 4);
		assert_int_equal(ids[0], 0);
		assert_int_equal(ids[1], 1);
		assert_int_equal(ids[2], 3);
		assert_int_equal(ids[3], 4);
		assert_int_equal(match_all(scratch, BYTES("try later"), ids, 1), 1);
		assert_int_equal(ids[0], 2);
		assert_int_equal(match_all(scratch, BYTES_NONE, ids, 5), 1);
		assert_int_equal(ids[0], 3);
	}
	match_scratch_free(&scratch);
	match_set_free(&set);
}

static void test_the_pattern_at_fault_is_named(void **state)
{
	static const char *const patterns[] = {"a", "b(", "c"};
	struct match_set *set = NULL;
	size_t bad = 9;
	struct why why;
	(void)state;
	assert_int_equal(match_set_new(patterns, 3, &set, &bad, &why), E_MALFORMED);
	assert_int_equal(bad, 1);
	assert_null(set);
}

static void test_a_set_that_is_too_large_is_refused(void **state)
{
	const char *patterns[20];
	struct match_set *set = NULL;
	size_t bad = 99;
	struct why why;
	(void)state;
	for (size_t i = 0; i < 20; i++)
		patterns[i] = "a{1000}b{1000}c{1000}d{1000}";
	assert_int_equal(match_set_new(patterns, 20, &set, &bad, &why), E_TOO_BIG);
	assert_int_equal(bad, 14);
	assert_non_null(strstr(why.text, "together"));
	assert_int_equal(match_set_new(patterns, 14, &set, NULL, &why), OK);
	match_set_free(&set);
}

#define LONG_TEXT 65536

/* Each would take another kind of engine years. */
static void test_no_pattern_takes_long(void **state)
{
	static const char *const patterns[] = {
		"(a+)+$",
		"(a|a)*b",
		".*.*.*x",
		"(a*)*b",
		"(a|aa)+$",
		"(.*)*(.*)*c",
		"(a?){100}x",
		"a*a*a*a*a*a*a*b",
		"(a|b)*a(a|b){120}c",
		"((a+)+)+[^a]b",
		"^(([a-z])+.)+[A-Z]([a-z])+$",
		"(\\w+\\s?)+!",
	};
	const size_t count = sizeof patterns / sizeof *patterns;
	char *text = memory_new(LONG_TEXT);
	struct match_set *set = NULL;
	struct why why;
	size_t ids[12];
	(void)state;
	for (size_t i = 0; i < LONG_TEXT; i++)
		text[i] = i * 2654435761U % 7 < 3 ? 'b' : 'a';
	text[LONG_TEXT - 1] = '!';
	assert_int_equal(match_set_new(patterns, count, &set, NULL, &why), OK);
	struct match_scratch *scratch = match_scratch_new(set);
	clock_t before = clock();
	assert_int_equal(match_all(scratch, bytes_from(text, LONG_TEXT), ids, 12), 5);
	for (size_t i = 0; i < 5; i++) /* 1, 3, 7, 9, 11 */
		assert_int_equal(ids[i], i < 2 ? 2 * i + 1 : 2 * i + 3);
	memset(text, 'a', LONG_TEXT);
	text[LONG_TEXT - 1] = '!';
	assert_int_equal(match_all(scratch, bytes_from(text, LONG_TEXT), ids, 12), 1);
	assert_int_equal(ids[0], 11);
	assert_true(clock() - before <
		    20 * CLOCKS_PER_SEC); /* with sanitizers, on a busy machine */
	match_scratch_free(&scratch);
	match_set_free(&set);
	free(text);
}

/* Hundreds of patterns with stars make more states than are kept: what is found stays the same. */
static void test_forgetting_changes_nothing(void **state)
{
	enum { COUNT = 300 };
	char texts[COUNT][32];
	const char *patterns[COUNT];
	struct match_set *set = NULL;
	struct why why;
	size_t ids[COUNT];
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		(void)snprintf(texts[i], sizeof texts[i], "k%zu .*[xyz]{3}.{10}v%zu\\b", i, i);
		patterns[i] = texts[i];
	}
	assert_int_equal(match_set_new(patterns, COUNT, &set, NULL, &why), OK);
	struct match_scratch *scratch = match_scratch_new(set);
	char text[8192];
	size_t len = 0;
	for (size_t i = 0; i < COUNT; i += 3)
		len += (size_t)snprintf(text + len, sizeof text - len, "k%zu ", i);
	for (size_t i = 0; i < COUNT; i += 2)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s.12345678 v%zu ",
					i % 4 == 0 ? "xyz" : "xy ", i);
	size_t count = match_all(scratch, bytes_from(text, len), ids, COUNT);
	assert_int_equal(count, COUNT / 12);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ids[i], i * 12);
	match_scratch_free(&scratch);
	match_set_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pattern_fits_anywhere),
		cmocka_unit_test(test_another_engine_finds_the_same),
		cmocka_unit_test(test_what_is_no_pattern_is_told_with_its_place),
		cmocka_unit_test(test_groups_nested_too_deep_are_refused),
		cmocka_unit_test(test_a_set_tells_which_of_its_patterns_fit),
		cmocka_unit_test(test_the_pattern_at_fault_is_named),
		cmocka_unit_test(test_a_set_that_is_too_large_is_refused),
		cmocka_unit_test(test_no_pattern_takes_long),
		cmocka_unit_test(test_forgetting_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
