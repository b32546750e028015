/* The command line of results follow and events follow: which keys, and which queue. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "leveret/following.h"
#include "leveret/verbs.h"

#define ARGUMENTS_MAX 24

static enum err made_by(const struct verb *verb, const char *line, struct following *ret,
			struct why *why)
{
	char text[2000], *arguments[ARGUMENTS_MAX + 1] = {0}, *place = NULL;
	struct options options;
	int count = 0;
	(void)snprintf(text, sizeof text, "follow %s", line);
	for (char *word = strtok_r(text, " ", &place); word && count < ARGUMENTS_MAX;
	     word = strtok_r(NULL, " ", &place))
		arguments[count++] = word;
	assert_true(options_parse(verb, count, arguments, &options));
	return following_make(&options, verb == &verb_events_follow, ret, why);
}

static enum err made(const char *line, struct following *ret, struct why *why)
{
	return made_by(&verb_results_follow, line, ret, why);
}

static void test_a_selection_is_patterns_and_a_queue(void **state)
{
	(void)state;
	static const struct {
		const char *line, *queue, *first, *last;
		size_t count;
	} cases[] = {
		{"", "follow.results", "#", "#", 1},
		{"--event bounced", "follow.bounced.all", "bounced.#", "bounced.#", 1},
		{"--pool news", "follow.any.news.all", "*.news.#", "*.news.#", 1},
		{"--site gmail", "follow.any.any.gmail", "*.*.gmail", "*.*.gmail", 1},
		{"--pool news --site x.example", "follow.any.news.x.example", "*.news.x.example",
		 "*.news.x.example", 1},
		{"--event bounced --event expired --site gmail",
		 "follow.bounced.any.gmail+expired.any.gmail", "bounced.*.gmail", "expired.*.gmail",
		 2},
		{"--pattern bounced.news.* --queue crm", "crm", "bounced.news.*", "bounced.news.*",
		 1},
		{"--pattern a.# --pattern b.#", "follow.a.all+b.all", "a.#", "b.#", 2},
		{"--queue results", "results", "#", "#", 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct following following;
		struct why why = {""};
		assert_int_equal(made(cases[i].line, &following, &why), OK);
		assert_string_equal(following.queue, cases[i].queue);
		assert_int_equal(following.pattern_count, cases[i].count);
		assert_string_equal(following.patterns[0], cases[i].first);
		assert_string_equal(following.patterns[cases[i].count - 1], cases[i].last);
	}
}

static void test_events_are_selected_by_kind(void **state)
{
	(void)state;
	static const struct {
		const char *line, *queue, *last;
		size_t count;
	} cases[] = {
		{"", "follow.events", "event.#", 1},
		{"--kind alert", "follow.event.alert.all", "event.alert.#", 1},
		{"--kind shaping_fired --kind shaping_ended --queue shaping", "shaping",
		 "event.shaping_ended.#", 2},
		{"--pattern event.*.*.gmail", "follow.event.any.any.gmail", "event.*.*.gmail", 1},
	};
	struct following following;
	struct why why = {""};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(made_by(&verb_events_follow, cases[i].line, &following, &why), OK);
		assert_string_equal(following.queue, cases[i].queue);
		assert_int_equal(following.pattern_count, cases[i].count);
		assert_string_equal(following.patterns[cases[i].count - 1], cases[i].last);
	}
	assert_int_equal(made_by(&verb_events_follow, "--kind exploded", &following, &why),
			 E_MALFORMED);
	assert_int_equal(
		made_by(&verb_events_follow, "--kind alert --pattern event.#", &following, &why),
		E_MALFORMED);
}

static void test_what_cannot_be_followed_is_told(void **state)
{
	(void)state;
	char long_site[400] = "--site ";
	memset(long_site + strlen(long_site), 'x', 300);
	char long_pattern[300] = "--pattern ";
	memset(long_pattern + strlen(long_pattern), 'x', 220);
	const struct {
		const char *line, *reason;
	} cases[] = {
		{"--event exploded", "no event"},
		{"--pattern a.# --site gmail", "give --pattern, or"},
		{"--queue deliver.default.gmail", "Leveret's own"},
		{"--queue buried", "Leveret's own"},
		{"--queue bouncer.results", "Leveret's own"},
		{"--queue \xc3\xa9t\xc3\xa9", "visible ASCII"},
		{long_site, "longer than 255"},
		{long_pattern, "give --queue"},
		{"--pattern a --pattern b --pattern c --pattern d --pattern e --pattern f "
		 "--pattern g --pattern h --pattern i",
		 "more than 8"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct following following;
		struct why why = {""};
		assert_int_equal(made(cases[i].line, &following, &why), E_MALFORMED);
		assert_non_null(strstr(why.text, cases[i].reason));
	}
	struct following following;
	struct why why = {""};
	assert_int_equal(following_name("", &following, &why), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_selection_is_patterns_and_a_queue),
		cmocka_unit_test(test_events_are_selected_by_kind),
		cmocka_unit_test(test_what_cannot_be_followed_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
