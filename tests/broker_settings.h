/* Settings of a broker and of where mail goes, from YAML, as tests of engines need them. */
#ifndef LEVERET_TESTS_BROKER_SETTINGS_H
#define LEVERET_TESTS_BROKER_SETTINGS_H

#include "tests/check.h"

#include <stdio.h>

#include "broker/settings.h"
#include "lib/conf/conf.h"
#include "lib/routing/routing.h"

struct test_settings {
	struct broker_settings broker;
	struct routing_settings routing;
};

static inline const struct conf_section *test_settings_section(void)
{
	static struct conf_child children[] = {
		{&broker_section, offsetof(struct test_settings, broker)},
		{&sources_section, offsetof(struct test_settings, routing.sources)},
		{&pools_section, offsetof(struct test_settings, routing.pools)},
		{&sites_section, offsetof(struct test_settings, routing.sites)},
		{&routes_section, offsetof(struct test_settings, routing.routes)},
	};
	static const struct conf_section section = {.name = "",
						    .help = "",
						    .shape = CONF_ONE,
						    .size = sizeof(struct test_settings),
						    .children = children,
						    .child_count = CONF_COUNT(children)};
	return &section;
}

/* Ends the test on a fault, which is told. They live in *ret_conf. */
static inline const struct test_settings *test_settings_load(const char *yaml,
							     struct conf **ret_conf)
{
	if (conf_load_text(yaml, test_settings_section(), ret_conf) != OK) {
		conf_print_faults(*ret_conf, stderr, false);
		assert_true(false);
	}
	return conf_root(*ret_conf);
}

#endif
