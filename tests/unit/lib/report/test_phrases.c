/* Phrases: whole words, stars, and that time does not depend on what the text is. */
#include "tests/check.h"

#include "lib/report/phrases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_found(const char *phrase, const char *text)
{
	struct phrases *phrases = phrases_new();
	struct phrase_hits hits;
	struct why why;
	unsigned index = 0, other = 0;
	assert_int_equal(phrases_add(phrases, BYTES("something else"), &other, &why), OK);
	assert_int_equal(phrases_add(phrases, bytes_of(phrase), &index, &why), OK);
	assert_int_equal(phrases_compile(phrases, &why), OK);
	phrases_scan(phrases, bytes_of(text), &hits);
	bool is_hit = phrase_hit(&hits, index);
	phrases_free(&phrases);
	return is_hit;
}

static void test_a_phrase_matches_whole_words(void **state)
{
	static const struct {
		const char *phrase, *text;
		bool is_found;
	} cases[] = {
		{"user unknown", "550 user unknown", true},
		{"user unknown", "user unknown", true},
		{"user unknown", "(user unknown)", true},
		{"user unknown", "superuser unknown", false},
		{"user unknown", "user unknowns", false},
		{"spf", "the spf record", true},
		{"spf", "dspfoo", false},
		{"suspend*", "it is suspended", true},
		{"suspend*", "unsuspended", false},
		{"*suspend", "unsuspend", true},
		{"mailbox * full", "mailbox of a@b is full", true},
		{"mailbox * full", "mailbox full", true},
		{"mailbox * full", "full mailbox", false},
		{"mailbox * full", "mailbox of a@b is fuller", false},
		{"a * b * c", "a x b c", true},
		{"a * b * c", "a c b", false},
		{"aa * aa", "aaa", false},
		{"aa*aa", "aaaa", true},
		{"[ts0*", "[ts01] later", true},
		{"@ rejected", "<@ rejected", true},
		{"\xe8\xa6\x8b", "\xe3\x81\xaf\xe8\xa6\x8b\xe3", true},
		{"x", "", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char is[200], wanted[200];
		(void)snprintf(is, sizeof is, "%s in %s: %d", cases[i].phrase, cases[i].text,
			       is_found(cases[i].phrase, cases[i].text));
		(void)snprintf(wanted, sizeof wanted, "%s in %s: %d", cases[i].phrase,
			       cases[i].text, cases[i].is_found);
		assert_string_equal(is, wanted);
	}
}

static void test_phrases_that_overlap_are_all_found(void **state)
{
	static const char *const texts[] = {"he", "she", "his", "hers", "*he*", "s*e"};
	struct phrases *phrases = phrases_new();
	struct phrase_hits hits;
	struct why why;
	unsigned index[6];
	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(phrases_add(phrases, bytes_of(texts[i]), &index[i], &why), OK);
	assert_int_equal(phrases_compile(phrases, &why), OK);
	phrases_scan(phrases, BYTES("she"), &hits);
	assert_false(phrase_hit(&hits, index[0])); /* no word of its own */
	assert_true(phrase_hit(&hits, index[1]));
	assert_false(phrase_hit(&hits, index[2]));
	assert_true(phrase_hit(&hits, index[4]));
	assert_true(phrase_hit(&hits, index[5]));
	phrases_free(&phrases);
}

static void test_what_is_no_phrase_is_refused(void **state)
{
	static const char *const bad[] = {"",	   "*",		" * ",
					  "Upper", "tab\there", "a*b*c*d*e*f*g*h*i"};
	struct phrases *phrases = phrases_new();
	struct why why;
	unsigned index;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_not_equal(phrases_add(phrases, bytes_of(bad[i]), &index, &why), OK);
	phrases_free(&phrases);
}

static void test_the_same_phrase_is_one(void **state)
{
	struct phrases *phrases = phrases_new();
	struct why why;
	unsigned first, second;
	(void)state;
	assert_int_equal(phrases_add(phrases, BYTES("a b"), &first, &why), OK);
	assert_int_equal(phrases_add(phrases, BYTES("a b"), &second, &why), OK);
	assert_int_equal(first, second);
	phrases_free(&phrases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_phrase_matches_whole_words),
		cmocka_unit_test(test_phrases_that_overlap_are_all_found),
		cmocka_unit_test(test_what_is_no_phrase_is_refused),
		cmocka_unit_test(test_the_same_phrase_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
