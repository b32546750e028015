/* What the structs hold after loading: defaults, values, inheritance, order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_shop.h"

static void test_an_empty_text_gives_the_defaults(void **state)
{
	struct conf *conf;
	(void)state;
	const struct shop *shop = shop_load("", &conf);
	assert_true(shop->is_open);
	assert_int_equal(shop->seats, 4);
	assert_int_equal(shop->wait, 300000);
	assert_int_equal(shop->store, 65536);
	assert_int_equal(shop->share, 20);
	assert_true(shop->growth == 1.5);
	assert_string_equal(shop->motto, "");
	assert_string_equal(shop->map, "");
	assert_string_equal(shop->host, "");
	assert_string_equal(shop->bell, "");
	assert_string_equal(shop->safe, "");
	assert_int_equal(shop->colour, 0);
	assert_int_equal(shop->goods.count, 2);
	assert_string_equal(shop->goods.items[1], "salt");
	assert_int_equal(shop->guests.count, 2);
	assert_int_equal(shop->guests.items[1].family, AF_INET6);
	assert_int_equal(shop->staff.count, 1);
	assert_string_equal(shop->staff.items[0].name, "ann");
	assert_int_equal(shop->staff.items[0].weight, 1);
	assert_int_equal(shop->doors.count, 0);
	assert_int_equal(shop->rules.count, 0);
	conf_free(&conf);
	assert_null(conf);
}

static void test_what_is_given_replaces_the_default(void **state)
{
	struct conf *conf;
	(void)state;
	const struct shop *shop = shop_load(
		"is_open: no\nseats: \"7\"\nwait: 90s\nstore: 2GiB\nshare: 0%\ngrowth: 2\n"
		"motto: 'null'\nmap: /a/b\nhost: h.example\nbell: \"[::1]:9\"\ncolour: blue\n"
		"goods: []\nguests: [10.0.0.0/8]\nstaff: {bob: 3, eve: 1}\n",
		&conf);
	assert_false(shop->is_open);
	assert_int_equal(shop->seats, 7);
	assert_int_equal(shop->wait, 90000);
	assert_int_equal(shop->store, 2147483648);
	assert_int_equal(shop->share, 0);
	assert_true(shop->growth == 2);
	assert_string_equal(shop->motto, "null");
	assert_string_equal(shop->map, "/a/b");
	assert_string_equal(shop->host, "h.example");
	assert_string_equal(shop->bell, "[::1]:9");
	assert_int_equal(shop->colour, 2);
	assert_int_equal(shop->goods.count, 0);
	assert_int_equal(shop->guests.count, 1);
	assert_int_equal(shop->guests.items[0].prefix_bits, 8);
	assert_int_equal(shop->staff.count, 2);
	assert_string_equal(shop->staff.items[0].name, "bob");
	assert_int_equal(shop->staff.items[0].weight, 3);
	conf_free(&conf);
}

static void test_names_in_a_list_weigh_one(void **state)
{
	struct conf *conf;
	(void)state;
	const struct shop *shop = shop_load("staff: [bob, eve]", &conf);
	assert_int_equal(shop->staff.count, 2);
	assert_string_equal(shop->staff.items[1].name, "eve");
	assert_int_equal(shop->staff.items[1].weight, 1);
	conf_free(&conf);
}

static void test_entries_take_from_the_default_entry_field_by_field(void **state)
{
	struct conf *conf;
	(void)state;
	const struct shop *shop = shop_load(
		"shelves:\n"
		"  big: {places: 50}\n"
		"  default: {places: 20, colour: green, labels: [x], care: {cleaned_every: 2d}}\n"
		"  small:\n"
		"  odd: {care: {cleaned_every: 1h}, labels: []}\n",
		&conf);
	static const struct {
		const char *name;
		int64_t places, cleaned_every;
		size_t labels;
	} expected[] = {{"big", 50, 172800000, 1},
			{"default", 20, 172800000, 1},
			{"small", 20, 172800000, 1},
			{"odd", 20, 3600000, 0}};
	assert_int_equal(shop->shelves.count, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct shelf *shelf = CONF_ITEM(&shop->shelves, struct shelf, i);
		assert_string_equal(shelf->name, expected[i].name);
		assert_int_equal(shelf->places, expected[i].places);
		assert_int_equal(shelf->labels.count, expected[i].labels);
		assert_int_equal(shelf->care.cleaned_every, expected[i].cleaned_every);
		assert_int_equal(shelf->colour, 1);
	}
	conf_free(&conf);
}

static void test_entries_that_always_exist_are_created_once(void **state)
{
	struct conf *conf;
	(void)state;
	const struct shop *shop = shop_load("", &conf);
	assert_int_equal(shop->shelves.count, 1);
	assert_string_equal(CONF_ITEM(&shop->shelves, struct shelf, 0)->name, "default");
	assert_int_equal(CONF_ITEM(&shop->shelves, struct shelf, 0)->places, 10);
	assert_int_equal(shop->desks.count, 1);
	assert_string_equal(CONF_ITEM(&shop->desks, struct desk, 0)->name, "front");
	conf_free(&conf);

	shop = shop_load("desks: {back: {}, front: {drawers: 9}}", &conf);
	assert_int_equal(shop->desks.count, 2);
	assert_int_equal(CONF_ITEM(&shop->desks, struct desk, 0)->drawers,
			 3); /* nothing is inherited */
	assert_int_equal(CONF_ITEM(&shop->desks, struct desk, 1)->drawers, 9);
	conf_free(&conf);
}

static void test_a_list_keeps_its_order(void **state)
{
	struct conf *conf;
	(void)state;
	const struct shop *shop =
		shop_load("rules:\n- {when: a}\n- when: b\n  who: {x: 2}\n- {}\n", &conf);
	assert_int_equal(shop->rules.count, 3);
	assert_string_equal(CONF_ITEM(&shop->rules, struct rule, 0)->when, "a");
	assert_string_equal(CONF_ITEM(&shop->rules, struct rule, 1)->when, "b");
	assert_int_equal(CONF_ITEM(&shop->rules, struct rule, 1)->who.items[0].weight, 2);
	assert_string_equal(CONF_ITEM(&shop->rules, struct rule, 2)->when, "");
	conf_free(&conf);
}

static void test_a_faulty_setting_holds_its_default_so_that_checks_can_go_on(void **state)
{
	struct conf *conf;
	(void)state;
	assert_int_equal(conf_load_text("seats: x\nshelves: {default: {places: 30}, big: {places: "
					"x}}\ndoors: {a: {}}",
					&shop_section, &conf),
			 E_MALFORMED);
	const struct shop *shop = conf_root(conf);
	assert_int_equal(shop->seats, 4);
	assert_int_equal(CONF_ITEM(&shop->shelves, struct shelf, 1)->places, 30);
	assert_string_equal(CONF_ITEM(&shop->doors, struct door, 0)->address, "");
	assert_int_equal(conf_fault_count(conf), 3);
	conf_free(&conf);
}

static void test_many_entries_are_read_in_no_time(void **state)
{
	struct conf *conf;
	enum { COUNT = 20000 };
	(void)state;
	char *text = malloc(COUNT * 32);
	char *end = text + sprintf(text, "shelves:\n");
	for (int i = 0; i < COUNT; i++)
		end += sprintf(end, "  s%d: {places: 5}\n", i);
	const struct shop *shop = shop_load(text, &conf);
	assert_int_equal(shop->shelves.count, COUNT + 1);
	conf_free(&conf);
	free(text);
}

static void test_what_is_not_yaml_has_no_root(void **state)
{
	struct conf *conf;
	(void)state;
	assert_int_equal(conf_load_text("seats: [", &shop_section, &conf), E_MALFORMED);
	assert_null(conf_root(conf));
	conf_fault(conf, "seats", "must not crash");
	conf_free(&conf);
}

static void test_later_faults_find_their_line_by_path(void **state)
{
	static const struct {
		const char *path, *start;
	} cases[] = {
		{"seats", "(text):1:8: error: seats: no"},
		{"goods", "(text):2:8: error: goods: no"},
		{"goods[1]", "(text):2:12: error: goods[1]: no"},
		{"shelves.big.places", "(text):5:17: error: shelves.big.places: no"},
		{"shelves.big", "(text):5:3: error: shelves.big: no"},
		{"shelves.big.colour",
		 "(text):4:21: error: shelves.big.colour: no"}, /* inherited */
		{"shelves.big.care.cleaned_every",
		 "(text):5:3: error: shelves.big.care.cleaned_every: no"},
		{"rules[1].when", "(text):8:11: error: rules[1].when: no"},
		{"rules[7].when", "(text):6:1: error: rules[7].when: no"},
		{"staff.bob", "(text):9:14: error: staff.bob: no"},
		{"motto", "(text): error: motto: no"}, /* given nowhere */
		{"", "(text): error: no"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *conf;
		char *out = NULL;
		size_t len = 0;
		shop_load("seats: 5\n"
			  "goods: [a, b]\n"
			  "shelves:\n"
			  "  default: {colour: green}\n"
			  "  big: {places: 50}\n"
			  "rules:\n"
			  "  - when: a\n"
			  "  - when: b\n"
			  "staff: {bob: 2}\n",
			  &conf);
		conf_fault(conf, cases[i].path, "no");
		FILE *stream = open_memstream(&out, &len);
		conf_print_faults(conf, stream, false);
		fclose(stream);
		if (strncmp(out, cases[i].start, strlen(cases[i].start)) != 0)
			print_error("%s", out);
		check_case(cases[i].path,
			   strncmp(out, cases[i].start, strlen(cases[i].start)) == 0);
		free(out);
		conf_free(&conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_text_gives_the_defaults),
		cmocka_unit_test(test_what_is_given_replaces_the_default),
		cmocka_unit_test(test_names_in_a_list_weigh_one),
		cmocka_unit_test(test_entries_take_from_the_default_entry_field_by_field),
		cmocka_unit_test(test_entries_that_always_exist_are_created_once),
		cmocka_unit_test(test_a_list_keeps_its_order),
		cmocka_unit_test(test_a_faulty_setting_holds_its_default_so_that_checks_can_go_on),
		cmocka_unit_test(test_many_entries_are_read_in_no_time),
		cmocka_unit_test(test_what_is_not_yaml_has_no_root),
		cmocka_unit_test(test_later_faults_find_their_line_by_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
