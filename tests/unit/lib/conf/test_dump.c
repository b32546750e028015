/* What is written from the tables and the values: dump, sample, reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fixture_shop.h"

static void test_a_dump_reads_back_to_the_same_dump(void **state)
{
	static const char *const texts[] = {
		"",
		"is_open: false\nseats: 99\nwait: 1500ms\nstore: 1025\nshare: 0%\ngrowth: 1.25\n",
		"motto: 'it''s # \"x\"'\nmap: /a b/c\nhost: h.example\nbell: \"[::1]:25\"\ncolour: "
		"blue\n",
		"motto: 'null'\ngoods: ['yes', '~', '- a', 'a: b']\n",
		"motto: '\xc3\xa4\\'\ngoods: []\nguests: [10.0.0.0/8, fd00::/8]\nstaff: {'a b': 3, "
		"bob: 1}\n",
		"shelves: {default: {places: 9}, big: {labels: [x], care: {cleaned_every: 36h}}}\n",
		"doors: {a: {address: 10.0.0.1:25}, b: {address: h:1}}\nrules: [{when: '*'}, {who: "
		"[a, b]}]\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct conf *conf, *again;
		shop_load(texts[i], &conf);
		char *first = shop_dump(conf, false);
		shop_load(first, &again);
		char *second = shop_dump(again, false);
		assert_string_equal(first, second);
		free(second);
		conf_free(&again);
		char *with_origin = shop_dump(conf, true);
		shop_load(with_origin, &again);
		second = shop_dump(again, false);
		assert_string_equal(first, second);
		free(first);
		free(second);
		free(with_origin);
		conf_free(&conf);
		conf_free(&again);
	}
}

static void test_origins_tell_line_inheritance_and_default(void **state)
{
	struct conf *conf;
	(void)state;
	shop_load("seats: 5\nshelves:\n  default:\n    places: 7\n  big: {colour: blue}\nrules:\n- "
		  "when: x\n",
		  &conf);
	char *dump = shop_dump(conf, true);
	assert_non_null(strstr(dump, "seats: 5  # (text):1\nwait: 5m  # default\n"));
	assert_non_null(strstr(dump, "  big:\n"
				     "    places: 7  # (text):4\n"
				     "    labels: []  # default\n"
				     "    colour: blue  # (text):5\n"
				     "    care:\n"
				     "      cleaned_every: 1d  # default\n"
				     "doors: {}\n"
				     "rules:\n"
				     "  -\n"
				     "    when: x  # (text):7\n"));
	free(dump);
	conf_free(&conf);
}

static char *sample_of_shop(void)
{
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);
	conf_write_sample(&shop_section, stream);
	fclose(stream);
	return out;
}

static void test_the_sample_as_it_is_gives_the_defaults(void **state)
{
	struct conf *conf, *plain;
	(void)state;
	char *sample = sample_of_shop();
	shop_load(sample, &conf);
	shop_load("", &plain);
	char *dump = shop_dump(conf, false), *expected = shop_dump(plain, false);
	assert_string_equal(dump, expected);
	free(dump);
	free(expected);
	free(sample);
	conf_free(&conf);
	conf_free(&plain);
}

/* Prose is "# text"; a setting is "#name: value". */
static void uncomment(char *text)
{
	for (char *line = text; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *mark = line + strspn(line, " ");
		bool is_item = mark[0] == '#' && (mark[1] == '-' || strncmp(mark, "#  ", 3) == 0);
		if (mark[0] == '#' && strncmp(mark, "#include", 8) != 0 &&
		    (is_item || (mark[1] != ' ' && mark[1] != '\n')))
			memmove(mark, mark + 1, strlen(mark));
	}
}

static void test_the_sample_is_good_with_every_setting_taken_into_use(void **state)
{
	struct conf *conf;
	(void)state;
	char *sample = sample_of_shop();
	uncomment(sample);
	const struct shop *shop = shop_load(sample, &conf);
	assert_int_equal(shop->seats, 4);
	assert_int_equal(shop->rules.count, 1);
	assert_int_equal(shop->doors.count, 1);
	free(sample);
	conf_free(&conf);
}

static void test_the_reference_has_a_row_for_each_setting(void **state)
{
	char *out = NULL;
	size_t len = 0;
	(void)state;
	FILE *stream = open_memstream(&out, &len);
	conf_write_reference(&shop_section, stream);
	fclose(stream);
	assert_non_null(strstr(
		out,
		"| `wait` | duration | `5m` | 1s to 1h | restart; later reload | patience |\n"));
	assert_non_null(strstr(out, "| `colour` | choice | `red` | red\\|green\\|blue | restart; "
				    "later reload | of the walls |\n"));
	assert_non_null(strstr(out, "## `shelves.care`\n"));
	assert_non_null(strstr(out, "| `address` | endpoint | must be given | at most 300 "
				    "characters | restart; later reload | where |\n"));
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_dump_reads_back_to_the_same_dump),
		cmocka_unit_test(test_origins_tell_line_inheritance_and_default),
		cmocka_unit_test(test_the_sample_as_it_is_gives_the_defaults),
		cmocka_unit_test(test_the_sample_is_good_with_every_setting_taken_into_use),
		cmocka_unit_test(test_the_reference_has_a_row_for_each_setting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
