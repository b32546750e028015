/* Topic patterns. */
#include "tests/check.h"

#include <string.h>

#include "broker/embedded/core/topic.h"

static void test_words_and_wildcards(void **state)
{
	static const struct {
		const char *pattern, *key;
		bool matches;
	} cases[] = {
		{"a.b.c", "a.b.c", true},
		{"a.b.c", "a.b", false},
		{"a.b", "a.b.c", false},
		{"a.*.c", "a.b.c", true},
		{"a.*.c", "a.c", false},
		{"a.*", "a.b.c", false},
		{"#", "", true},
		{"#", "a.b.c", true},
		{"a.#", "a", true},
		{"a.#", "a.b.c", true},
		{"a.#", "ab.c", false},
		{"#.c", "a.b.c", true},
		{"#.c", "c", true},
		{"#.c", "a.b", false},
		{"a.#.z", "a.z", true},
		{"a.#.z", "a.b.z.c.z", true},
		{"a.#.z", "a.b.z.c", false},
		{"#.a.#.b", "x.a.y.b.a.b", true},
		{"#.a.#.b", "x.b.y.a", false},
		{"*.*.*", "a.b.c", true},
		{"*.*.*", "a.b", false},
		{"*", "", false},
		{"", "", true},
		{"", "a", false},
		{"#.#", "a", true},
		{"#.*.#", "a", true},
		{"#.*.#", "", false},
		{"bounced.#", "bounced.default.gmail", true},
		{"bounced.#", "bounce", false},
		{"delivered.*.gmail", "delivered.default.gmail", true},
		{"##", "a", false},
		{"a*", "ab", false},
		{"a..b", "a..b", true},
		{"a.*.b", "a..b", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (topic_matches(cases[i].pattern, cases[i].key) != cases[i].matches) {
			print_error("\"%s\" and \"%s\"\n", cases[i].pattern, cases[i].key);
			assert_true(false);
		}
}

/* A pattern made to be tried again at every word still ends soon. */
static void test_hostile_patterns_end(void **state)
{
	char pattern[256], key[512];
	(void)state;
	for (size_t i = 0; i + 4 < sizeof pattern; i += 4)
		memcpy(pattern + i, "#.a.", 5);
	for (size_t i = 0; i + 2 < sizeof key; i += 2)
		memcpy(key + i, "a.", 3);
	pattern[strlen(pattern) - 1] = '\0';
	assert_false(topic_matches("#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.b", key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_wildcards),
		cmocka_unit_test(test_hostile_patterns_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
