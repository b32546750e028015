/* The made-up shop: its tables, and helpers around loading and printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_shop.h"

/* clang-format off */
#define X(...) CONF_ROW(struct shop, __VA_ARGS__)
static const struct conf_field shop_fields[] = {
	X(is_open, flag, "true", "", "", LIVE, PLAIN, "whether people may come in")
	X(seats, number, "4", "1", "100", LIVE, PLAIN, "chairs")
	X(wait, duration, "5m", "1s", "1h", LIVE, PLAIN, "patience")
	X(store, size, "64KiB", "1", "4GiB", RESTART, PLAIN, "room")
	X(share, percent, "20%", "0%", "100%", LIVE, PLAIN, "of the market")
	X(growth, factor, "1.5", "1", "10", LIVE, PLAIN, "per year")
	X(motto, text, "", "0", "20", LIVE, PLAIN, "over the door")
	X(map, path, "", "0", "4096", LIVE, PLAIN, "how to get here")
	X(host, hostname, "", "0", "253", LIVE, PLAIN, "on the net")
	X(bell, endpoint, "", "0", "300", LIVE, PLAIN, "to ring")
	X(safe, secret, "", "0", "20", LIVE, SECRET, "the combination")
	X(colour, choice, "red", "", "red|green|blue", LIVE, PLAIN, "of the walls")
	X(goods, texts, "tea, salt", "0", "4", LIVE, PLAIN, "for sale")
	X(guests, cidrs, "127.0.0.0/8, ::1/128", "0", "4", LIVE, PLAIN, "who may come")
	X(staff, weighted, "ann", "0", "4", LIVE, PLAIN, "who works")
};
#undef X
#define X(...) CONF_ROW(struct shelf, __VA_ARGS__)
static const struct conf_field shelf_fields[] = {
	X(places, number, "10", "1", "100", LIVE, PLAIN, "places")
	X(labels, texts, "", "0", "4", LIVE, PLAIN, "labels")
	X(colour, choice, "red", "", "red|green|blue", LIVE, PLAIN, "paint")
};
#undef X
static const struct conf_field care_fields[] = {
	{"cleaned_every", CONF_duration, 0, "1d", "1s", "52w", CONF_LIVE, CONF_PLAIN, "when"},
};
#define X(...) CONF_ROW(struct door, __VA_ARGS__)
static const struct conf_field door_fields[] = {
	X(address, endpoint, NULL, "1", "300", LIVE, PLAIN, "where")
};
#undef X
#define X(...) CONF_ROW(struct desk, __VA_ARGS__)
static const struct conf_field desk_fields[] = {
	X(drawers, number, "3", "0", "9", LIVE, PLAIN, "how many")
};
#undef X
#define X(...) CONF_ROW(struct rule, __VA_ARGS__)
static const struct conf_field rule_fields[] = {
	X(when, text, "", "0", "20", LIVE, PLAIN, "when it holds")
	X(who, weighted, "", "0", "4", LIVE, PLAIN, "whom it is for")
};
#undef X
/* clang-format on */

static void check_door(struct conf *conf, const void *section, const char *path)
{
	const struct door *door = section;
	char setting[100];
	snprintf(setting, sizeof(setting), "%s.address", path);
	if (door->address[0] == '9')
		conf_fault(conf, setting, "door %s must not start with 9", door->name);
	if (door->address[0] == '8')
		conf_warn(conf, path, "unlucky");
}

static const struct conf_section care_section = {
	.name = "care",
	.help = "Care.",
	.size = sizeof(((struct shelf *)0)->care),
	.fields = care_fields,
	.field_count = CONF_COUNT(care_fields),
};
static const struct conf_child shelf_children[] = {{&care_section, offsetof(struct shelf, care)}};
static const struct conf_section shelves_section = {
	.name = "shelves",
	.help = "Shelves.",
	.shape = CONF_MAP,
	.size = sizeof(struct shelf),
	.fields = shelf_fields,
	.field_count = CONF_COUNT(shelf_fields),
	.children = shelf_children,
	.child_count = CONF_COUNT(shelf_children),
	.inherit_from = "default",
};
static const struct conf_section doors_section = {
	.name = "doors",
	.help = "Doors.",
	.shape = CONF_MAP,
	.size = sizeof(struct door),
	.fields = door_fields,
	.field_count = CONF_COUNT(door_fields),
	.check = check_door,
};
static const struct conf_section desks_section = {
	.name = "desks",
	.help = "Desks.",
	.shape = CONF_MAP,
	.size = sizeof(struct desk),
	.fields = desk_fields,
	.field_count = CONF_COUNT(desk_fields),
	.always = "front",
};
static const struct conf_section rules_section = {
	.name = "rules",
	.help = "Rules.",
	.shape = CONF_LIST,
	.size = sizeof(struct rule),
	.fields = rule_fields,
	.field_count = CONF_COUNT(rule_fields),
};
static const struct conf_child shop_children[] = {
	{&shelves_section, offsetof(struct shop, shelves)},
	{&doors_section, offsetof(struct shop, doors)},
	{&rules_section, offsetof(struct shop, rules)},
	{&desks_section, offsetof(struct shop, desks)},
};
const struct conf_section shop_section = {
	.name = "shop",
	.help = "Settings of the shop.",
	.size = sizeof(struct shop),
	.fields = shop_fields,
	.field_count = CONF_COUNT(shop_fields),
	.children = shop_children,
	.child_count = CONF_COUNT(shop_children),
};

void check_case(const char *text, bool holds)
{
	if (!holds)
		print_error("case: %s\n", text);
	assert_true(holds);
}

const struct shop *shop_load(const char *text, struct conf **ret_conf)
{
	enum err err = conf_load_text(text, &shop_section, ret_conf);
	if (err != OK)
		conf_print_faults(*ret_conf, stderr, false);
	assert_int_equal(err, OK);
	return conf_root(*ret_conf);
}

char *shop_faults(const char *text, bool as_json)
{
	struct conf *conf;
	char *out = NULL;
	size_t len = 0;
	enum err err = conf_load_text(text, &shop_section, &conf);
	assert_int_equal(err, conf_fault_count(conf) ? E_MALFORMED : OK);
	FILE *stream = open_memstream(&out, &len);
	conf_print_faults(conf, stream, as_json);
	fclose(stream);
	conf_free(&conf);
	return out;
}

char *shop_dump(const struct conf *conf, bool with_origin)
{
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);
	conf_dump(conf, stream, with_origin);
	fclose(stream);
	return out;
}
