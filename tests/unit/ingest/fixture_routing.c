#include "tests/check.h"

#include "tests/unit/ingest/fixture_routing.h"

static const struct conf_child children[] = {
	{&sources_section, offsetof(struct routing_settings, sources)},
	{&pools_section, offsetof(struct routing_settings, pools)},
	{&sites_section, offsetof(struct routing_settings, sites)},
	{&routes_section, offsetof(struct routing_settings, routes)},
};
static const struct conf_section root = {.name = "root",
					 .help = "Routing.",
					 .size = sizeof(struct routing_settings),
					 .children = children,
					 .child_count = CONF_COUNT(children)};

void routing_fixture_open(struct routing_fixture *fixture)
{
	enum err err = conf_load_text("pools:\n"
				      "  default: {}\n"
				      "  bulk: {}\n"
				      "sites:\n"
				      "  gmail: {domains: [gmail.example, googlemail.example]}\n"
				      "routes:\n"
				      "  - {from_domain: news.example, pool: bulk}\n",
				      &root, &fixture->conf);
	conf_print_faults(fixture->conf, stderr, false);
	assert_int_equal(err, OK);
	fixture->routing = routing_new(conf_root(fixture->conf));
}

void routing_fixture_close(struct routing_fixture *fixture)
{
	routing_free(&fixture->routing);
	conf_free(&fixture->conf);
}
