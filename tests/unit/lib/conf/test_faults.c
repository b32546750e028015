/* What is said of a faulty file: place, setting, what was expected, source line, caret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fixture_shop.h"

/* Each text, and the lines it must give, whole: place, source line and caret. */
static const struct {
	const char *text, *faults;
} cases[] = {
	{"seats: 5", ""},
	{"# only a remark\n", ""},
	{"shelves:\ndoors: ~\nrules: null\n", ""},
	{"seats: 101", "(text):1:8: error: seats: must be between 1 and 100, not 101\n    seats: "
		       "101\n           ^\n"},
	{"seats: -1", "(text):1:8: error: seats: must be between 1 and 100, not -1\n    seats: "
		      "-1\n           ^\n"},
	{"wait: 2h",
	 "(text):1:7: error: wait: must be between 1s and 1h, not 2h\n    wait: 2h\n          ^\n"},
	{"share: 101%", "(text):1:8: error: share: must be between 0% and 100%, not 101%\n    "
			"share: 101%\n           ^\n"},
	{"growth: 0.5", "(text):1:9: error: growth: must be between 1 and 10, not 0.5\n    growth: "
			"0.5\n            ^\n"},
	{"seats: many",
	 "(text):1:8: error: seats: expected a whole number such as 20, not \"many\"\n"
	 "    seats: many\n           ^\n"},
	{"is_open: maybe", "(text):1:10: error: is_open: expected true or false, not \"maybe\"\n   "
			   " is_open: maybe\n             ^\n"},
	{"colour: pink", "(text):1:9: error: colour: expected red, green or blue, not \"pink\"\n   "
			 " colour: pink\n            ^\n"},
	{"colour: re", "(text):1:9: error: colour: expected red, green or blue, not \"re\"\n    "
		       "colour: re\n            ^\n"},
	{"motto: 123456789012345678901",
	 "(text):1:8: error: motto: must have 0 to 20 characters, not 21\n"
	 "    motto: 123456789012345678901\n           ^\n"},
	{"motto:", "(text):1:1: error: motto: has no value; expected text\n    motto:\n    ^\n"},
	{"motto: [a]",
	 "(text):1:8: error: motto: is one value; expected text\n    motto: [a]\n           ^\n"},
	{"host: \"a b\"", "(text):1:7: error: host: expected a host name of letters, digits, "
			  "hyphens and dots, not \"a b\"\n"
			  "    host: \"a b\"\n          ^\n"},
	{"goods: tea", "(text):1:8: error: goods: is a list; expected a list such as [a, b]\n    "
		       "goods: tea\n           ^\n"},
	{"goods: [a, [b]]", "(text):1:12: error: goods: an entry of the list is not a word\n    "
			    "goods: [a, [b]]\n               ^\n"},
	{"goods: [a, b, c, d, e]", "(text):1:8: error: goods: must have 0 to 4 entries, not 5\n    "
				   "goods: [a, b, c, d, e]\n           ^\n"},
	{"staff: {ann: 0}",
	 "(text):1:14: error: staff: the weight of ann must be a number from 1 to 1000000\n"
	 "    staff: {ann: 0}\n                 ^\n"},
	{"seets: 5", "(text):1:1: error: seets: unknown setting; did you mean \"seats\"?\n    "
		     "seets: 5\n    ^\n"},
	{"shelfs: {}", "(text):1:1: error: shelfs: unknown setting; did you mean \"shelves\"?\n    "
		       "shelfs: {}\n    ^\n"},
	{"quantum: 5", "(text):1:1: error: quantum: unknown setting\n    quantum: 5\n    ^\n"},
	{"shelves:\n  big:\n    care: {cleaned_evry: 1d}",
	 "(text):3:12: error: shelves.big.care.cleaned_evry: unknown setting; did you mean "
	 "\"cleaned_every\"?\n"
	 "        care: {cleaned_evry: 1d}\n               ^\n"},
	{"shelves: 5", "(text):1:10: error: shelves: expected settings as \"name: value\" lines\n  "
		       "  shelves: 5\n             ^\n"},
	{"rules: {a: b}", "(text):1:8: error: rules: expected a list: lines that start with \"- "
			  "\"\n    rules: {a: b}\n           ^\n"},
	{"rules:\n  - when: a\n  - wen: b",
	 "(text):3:5: error: rules[1].wen: unknown setting; did you mean \"when\"?\n"
	 "      - wen: b\n        ^\n"},
	{"doors:\n  back: {}", "(text):2:3: error: doors.back.address: must be given: address and "
			       "port, such as 10.0.0.5:25, "
			       "\"[::1]:25\" or mx.example.com:25\n      back: {}\n      ^\n"},
	{"doors: {a.b: {address: \"1.2.3.4:5\"}}",
	 "(text):1:9: error: doors: \"a.b\" cannot be a name: use 1 to 63 letters, digits, '-' and "
	 "'_'\n"
	 "    doors: {a.b: {address: \"1.2.3.4:5\"}}\n            ^\n"},
	{"doors: {a: {address: \"9.2.3.4:5\"}}",
	 "(text):1:22: error: doors.a.address: door a must not start with 9\n"
	 "    doors: {a: {address: \"9.2.3.4:5\"}}\n                         ^\n"},
	{"doors: {a: {address: \"8.2.3.4:5\"}}",
	 "(text):1:9: warning: doors.a: unlucky\n    doors: {a: {address: \"8.2.3.4:5\"}}\n        "
	 "    ^\n"},
	{"seats: 5\nwait: 5m\nseats: 6",
	 "(text):3:1: error: \"seats\" is already given in line 1\n    seats: 6\n    ^\n"},
	{"seats: !!int 5", "(text):1:8: error: tags (!) are not allowed in settings\n    seats: "
			   "!!int 5\n           ^\n"},
	{"motto: &a x\nhost: *a", "(text):1:9: error: anchors (&) are not allowed in settings\n    "
				  "motto: &a x\n            ^\n"
				  "(text):2:8: error: aliases (*) are not allowed in settings\n    "
				  "host: *a\n           ^\n"},
	{"seats: 5\n---\nseats: 6",
	 "(text):2:1: error: a settings file holds one YAML document\n    ---\n    ^\n"},
	{"- a", "(text): error: expected settings as \"name: value\" lines\n"},
	{"just words", "(text): error: expected settings as \"name: value\" lines\n"},
	{"{[a]: b}", "(text):1:2: error: a key must be a word\n    {[a]: b}\n     ^\n"},
	{"motto: \"a\\tb\"", "(text):1:8: error: a value is one line of UTF-8 without control "
			     "characters\n    motto: \"a\\tb\"\n           ^\n"},
	{"motto: \"a", "(text):1:9: error: double-quoted scalar without closing quote\n    motto: "
		       "\"a\n            ^\n"},
	{"include: [x.yaml]",
	 "(text):1:1: error: include: works in files only\n    include: [x.yaml]\n    ^\n"},
	{"motto: \xc3\xa4\nh\xc3\xa4: 5",
	 "(text):2:1: error: h\xc3\xa4: unknown setting\n    h\xc3\xa4: 5\n    ^\n"},
	{"%YAML 1.1\n---\na: 1",
	 "(text):1:1: error: directives (%) are not allowed in settings\n    %YAML 1.1\n    ^\n"},
	{"motto: \xc3\xa4\x01", "(text):1:9: error: control characters are not allowed in "
				"settings\n    motto: \xc3\xa4 \n            ^\n"},
	{"motto: \xff", "(text): error: not UTF-8 text\n"},
	/* all at once, by line */
	{"zzzzzz: 1\nseats: x\ncolour: [\n", "(text):4:1: error: flow sequence without a closing "
					     "bracket\n    \n    ^\n"},
	{"zzzzzz: 1\nseats: x\nwait: 1\n",
	 "(text):1:1: error: zzzzzz: unknown setting\n    zzzzzz: 1\n    ^\n"
	 "(text):2:8: error: seats: expected a whole number such as 20, not \"x\"\n    seats: x\n  "
	 "         ^\n"
	 "(text):3:7: error: wait: expected a duration such as 500ms, 20s, 5m, 2h, 3d or 1w, not "
	 "\"1\"\n"
	 "    wait: 1\n          ^\n"},
};

static void test_each_fault_names_its_place_and_what_was_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *faults = shop_faults(cases[i].text, false);
		if (strcmp(faults, cases[i].faults) != 0)
			print_error("case: %s\n", cases[i].text);
		assert_string_equal(faults, cases[i].faults);
		free(faults);
	}
}

static void test_faults_as_json_are_one_object(void **state)
{
	(void)state;
	char *faults = shop_faults("seats: \"\\\"\"\ndoors: {a: {address: \"8.2.3.4:5\"}}", true);
	assert_string_equal(
		faults,
		"{\"faults\": [{\"file\": \"(text)\", \"line\": 1, \"column\": 8, \"severity\": "
		"\"error\", "
		"\"setting\": \"seats\", \"message\": \"expected a whole number such as 20, not "
		"\\\"\\\"\\\"\"}, "
		"{\"file\": \"(text)\", \"line\": 2, \"column\": 9, \"severity\": \"warning\", "
		"\"setting\": "
		"\"doors.a\", \"message\": \"unlucky\"}], \"errors\": 1, \"warnings\": 1}\n");
	free(faults);
}

static void test_a_secret_in_the_file_is_refused_and_not_printed(void **state)
{
	static const char *const texts[] = {"safe: hunter2",
					    "saef: hunter2",
					    "safe: [hunter2]",
					    "safe: {word: hunter2}",
					    "safe: {file: /nonexistent, env: hunter2}",
					    "motto: amqp://joe:hunter2@h/12345678901234567890"};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *faults = shop_faults(texts[i], false);
		assert_non_null(strstr(faults, "error: "));
		check_case(texts[i], !strstr(faults, "hunter2"));
		free(faults);
	}
}

static void test_a_flood_of_faults_is_counted_and_not_kept(void **state)
{
	(void)state;
	char text[20000] = "";
	for (int i = 0; i < 1000; i++)
		snprintf(text + strlen(text), 30, "word_%d: 1\n", i);
	char *faults = shop_faults(text, false);
	assert_non_null(strstr(faults, "... and 500 more\n"));
	free(faults);
}

static void test_deep_nesting_is_refused(void **state)
{
	(void)state;
	char text[3000] = "goods: ";
	memset(text + strlen(text), '[', 2000);
	char *faults = shop_faults(text, false);
	assert_non_null(strstr(faults, "error: nested too deeply"));
	free(faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_names_its_place_and_what_was_expected),
		cmocka_unit_test(test_faults_as_json_are_one_object),
		cmocka_unit_test(test_a_secret_in_the_file_is_refused_and_not_printed),
		cmocka_unit_test(test_a_flood_of_faults_is_counted_and_not_kept),
		cmocka_unit_test(test_deep_nesting_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
