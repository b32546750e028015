/* Settings of a made-up shop with every type and shape, and loading helpers. */
#ifndef LEVERET_TESTS_UNIT_LIB_CONF_FIXTURE_SHOP_H
#define LEVERET_TESTS_UNIT_LIB_CONF_FIXTURE_SHOP_H

#include "lib/conf/conf.h"

struct shelf {
	const char *name;
	conf_number places;
	conf_texts labels;
	conf_choice colour;
	struct {
		conf_duration cleaned_every;
	} care;
};
struct door {
	const char *name;
	conf_endpoint address;
};
struct rule {
	conf_text when;
	conf_weighted who;
};
struct shop {
	conf_flag is_open;
	conf_number seats;
	conf_duration wait;
	conf_size store;
	conf_percent share;
	conf_factor growth;
	conf_text motto;
	conf_path map;
	conf_hostname host;
	conf_endpoint bell;
	conf_secret safe;
	conf_choice colour;
	conf_texts goods;
	conf_cidrs guests;
	conf_weighted staff;
	struct conf_items shelves; /* struct shelf; inherit from "default" */
	struct conf_items doors;   /* struct door; address is required */
	struct conf_items rules;   /* struct rule */
	struct conf_items
		desks; /* struct door's shape without required ones; "front" always exists */
};
struct desk {
	const char *name;
	conf_number drawers;
};

extern const struct conf_section shop_section;

/* A claim about one case of a table: names the case where it does not hold. */
void check_case(const char *text, bool holds);

/* Loads text that must be without faults. */
const struct shop *shop_load(const char *text, struct conf **ret_conf);
/* The faults of a text as conf_print_faults prints them; to be freed. */
char *shop_faults(const char *text, bool as_json);
char *shop_dump(const struct conf *conf, bool with_origin); /* to be freed */

#endif
