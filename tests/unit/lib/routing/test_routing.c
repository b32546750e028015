/* Which site, pool and route a message gets, and what is refused in their settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/routing/routing.h"

static void check_all(struct conf *conf, const void *section, const char *path)
{
	(void)path;
	routing_check(conf, section);
}

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
					 .child_count = CONF_COUNT(children),
					 .check = check_all};

static struct routing *routing_from(const char *text, struct conf **ret_conf)
{
	enum err err = conf_load_text(text, &root, ret_conf);
	conf_print_faults(*ret_conf, stderr, false);
	assert_int_equal(err, OK);
	return routing_new(conf_root(*ret_conf));
}

static void test_named_sites_are_found_by_domain_and_all_else_is_the_tail(void **state)
{
	struct conf *conf;
	char key[ROUTING_NAME_MAX + 2];
	static const struct {
		const char *domain, *site, *key;
	} cases[] = {
		{"gmail.com", "gmail", "gmail"},
		{"googlemail.com", "gmail", "gmail"},
		{"hotmail.com", "microsoft", "microsoft"},
		{"sub.gmail.com", NULL, "sub.gmail.com"},
		{"example.com", NULL, "example.com"},
		{"gmail", NULL, "gmail."}, /* a domain of one label is never a site's name */
		{"localhost", NULL, "localhost."},
		{"[192.0.2.1]", NULL, "[192.0.2.1]"},
		{"default", NULL, "default."},
	};
	(void)state;
	struct routing *routing =
		routing_from("sites:\n  gmail: {domains: [gmail.com, GoogleMail.com]}\n"
			     "  microsoft: {domains: [hotmail.com]}\n",
			     &conf);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *site = routing_named_site(routing, cases[i].domain);
		assert_int_equal(site == NULL, cases[i].site == NULL);
		if (site)
			assert_string_equal(site, cases[i].site);
		routing_site_key(routing, cases[i].domain, key);
		assert_string_equal(key, cases[i].key);
	}
	routing_free(&routing);
	assert_null(routing);
	conf_free(&conf);
}

static void test_a_domain_belongs_to_the_site_of_all_its_best_mx_hosts(void **state)
{
	static const struct {
		struct routing_mx hosts[3];
		size_t count;
		const char *site;
	} cases[] = {
		{{{"aspmx.l.google.com", 1}}, 1, "google"},
		{{{"ASPMX.L.Google.com", 1}}, 1, "google"},
		{{{"aspmx.l.google.com", 1}, {"backup.example.com", 10}}, 2, "google"},
		{{{"backup.example.com", 10}, {"aspmx.l.google.com", 1}}, 2, "google"},
		{{{"mx.example.com", 1}, {"aspmx.l.google.com", 5}}, 2, NULL},
		{{{"mx.example.com", 5}, {"aspmx.l.google.com", 5}}, 2, NULL},
		{{{"mx1.both.example", 5}, {"mx2.both.example", 5}}, 2, "first"},
		{{{"mx2.both.example", 5}}, 1, "first"},
		{{{"mx3.both.example", 5}}, 1, "second"},
		{{{"google.com", 1}}, 1, NULL},
		{{{"google.com.example", 1}}, 1, NULL},
		{{{"", 0}}, 1, NULL}, /* null MX */
		{{{"", 0}}, 0, NULL},
	};
	struct conf *conf;
	(void)state;
	struct routing *routing =
		routing_from("sites:\n"
			     "  plain: {domains: [plain.example]}\n"
			     "  google: {mx: ['*.google.com', '*.googlemail.com']}\n"
			     "  first: {mx: [mx1.both.example, mx2.both.example]}\n"
			     "  second: {mx: ['*.both.example']}\n",
			     &conf);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *site = routing_site_of_mx(routing, cases[i].hosts, cases[i].count);
		if ((site == NULL) != (cases[i].site == NULL))
			print_error("case %zu\n", i);
		assert_int_equal(site == NULL, cases[i].site == NULL);
		if (site)
			assert_string_equal(site, cases[i].site);
	}
	assert_true(routing_has_mx(routing));
	assert_string_equal(routing_known_site(routing, "second"), "second");
	assert_null(routing_known_site(routing, "default"));
	assert_null(routing_known_site(routing, "both.example"));
	routing_free(&routing);
	conf_free(&conf);
}

static void test_settings_of_a_site_are_its_own_or_the_default_ones(void **state)
{
	struct conf *conf;
	(void)state;
	struct routing *routing = routing_from(
		"sites:\n  gmail: {connections: 7}\n  default: {connections: 3, port: 26}\n",
		&conf);
	assert_int_equal(routing_site_settings(routing, "gmail")->connections, 7);
	assert_int_equal(routing_site_settings(routing, "gmail")->port, 26);
	assert_int_equal(routing_site_settings(routing, "example.com")->connections, 3);
	assert_string_equal(routing_site_settings(routing, "")->name, "default");
	routing_free(&routing);
	conf_free(&conf);
}

static void test_default_pool_source_and_site_are_there_without_settings(void **state)
{
	struct conf *conf;
	(void)state;
	struct routing *routing = routing_from("", &conf);
	assert_non_null(routing_pool(routing, "default"));
	assert_non_null(routing_source(routing, "default"));
	assert_string_equal(routing_source(routing, "default")->address, "");
	assert_int_equal(routing_site_settings(routing, "any.example")->connections, 20);
	assert_null(routing_pool(routing, "bulk"));
	assert_null(routing_source(routing, "out1"));
	assert_null(routing_route(routing, "", "example.com"));
	assert_string_equal(routing_choose_pool(routing, NULL, "", "example.com"), "default");
	assert_ptr_equal(routing_settings(routing), conf_root(conf));
	routing_free(&routing);
	conf_free(&conf);
}

static void test_patterns_match_a_domain_what_is_below_or_all(void **state)
{
	static const struct {
		const char *pattern, *domain;
		bool matches;
	} cases[] = {
		{"example.com", "example.com", true},
		{"Example.COM", "example.com", true},
		{"example.com", "a.example.com", false},
		{"*.example.com", "a.example.com", true},
		{"*.example.com", "a.b.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "badexample.com", false},
		{"*", "anything.example", true},
		{"*", "", false},
		{"example.com", "", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (routing_pattern_matches(cases[i].pattern, cases[i].domain) != cases[i].matches)
			print_error("case: %s %s\n", cases[i].pattern, cases[i].domain);
		assert_int_equal(routing_pattern_matches(cases[i].pattern, cases[i].domain),
				 cases[i].matches);
	}
}

static void test_the_first_route_that_holds_is_taken(void **state)
{
	struct conf *conf;
	static const struct {
		const char *asked, *from, *to, *pool, *host;
	} cases[] = {
		{NULL, "news.example", "a.example", "bulk", ""},
		{NULL, "news.example", "x.test", "bulk",
		 ""}, /* the first one, though the second would hold too */
		{NULL, "shop.example", "x.test", "default", "127.0.0.1:2526"},
		{NULL, "", "x.test", "default", "127.0.0.1:2526"},
		{NULL, "shop.example", "b.example", "tx", ""},
		{"bulk", "shop.example", "b.example", "bulk", ""},
		{"unknown", "shop.example", "b.example", "tx", ""},
		{"", "shop.example", "b.example", "tx", ""},
	};
	(void)state;
	struct routing *routing = routing_from("pools: {bulk: {}, tx: {}}\n"
					       "routes:\n"
					       "- {from_domain: news.example, pool: bulk}\n"
					       "- {to_domain: '*.test', host: '127.0.0.1:2526'}\n"
					       "- {pool: tx}\n",
					       &conf);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(
			routing_choose_pool(routing, cases[i].asked, cases[i].from, cases[i].to),
			cases[i].pool);
		assert_string_equal(routing_route(routing, cases[i].from, cases[i].to)->host,
				    cases[i].host);
	}
	routing_free(&routing);
	conf_free(&conf);
}

static void test_a_pool_keeps_its_sources_and_weights(void **state)
{
	struct conf *conf;
	(void)state;
	struct routing *routing =
		routing_from("sources: {a: {address: 192.0.2.1, helo: a.example}, b: {}}\n"
			     "pools: {bulk: {sources: {a: 4, b: 1}}}\n",
			     &conf);
	const struct pool_settings *pool = routing_pool(routing, "bulk");
	assert_int_equal(pool->sources.count, 2);
	assert_int_equal(pool->sources.items[0].weight, 4);
	assert_string_equal(routing_source(routing, "a")->helo, "a.example");
	routing_free(&routing);
	conf_free(&conf);
}

static void test_faults_of_routing_are_told_where_they_stand(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"pools: {p: {sources: {s: 1}}}",
		 "1:13: error: pools.p.sources: there is no source \"s\""},
		{"sources: {s: {}}\npools: {p: {sources: [s, s]}}",
		 "2:22: error: pools.p.sources: source \"s\" is given twice"},
		{"sources: {s: {}}", "1:11: warning: sources.s: no pool uses this source"},
		{"sources: {default: {address: mx.example}}",
		 "1:30: error: sources.default.address: expected an IP address"},
		{"routes:\n- {pool: p}", "2:10: error: routes[0].pool: there is no pool \"p\""},
		{"routes:\n- {to_domain: a_b.example}\n- {to_domain: '*x'}",
		 "3:15: error: routes[1].to_domain: expected a domain"},
		{"routes:\n- {from_domain: 'a..b', pool: default}",
		 "2:17: error: routes[0].from_domain: expected a domain"},
		{"routes:\n- {to_domain: a.b}",
		 "2:3: warning: routes[0]: gives neither pool nor host"},
		{"routes:\n- {to_domain: x.y, protocol: lmtp}",
		 "routes[0].host: must be given: fallbacks, protocol"},
		{"routes:\n- {to_domain: x.y, host: \"a.b:25\", user: ada}",
		 "routes[0].user: user and password are given together"},
		{"routes:\n- {to_domain: x.y, host: \"a.b:25\", action: discard}",
		 "routes[0].action: must be `send`"},
		{"routes:\n- {to_domain: x.y, host: \"a.b:25\", fallbacks: [c.d]}",
		 "routes[0].fallbacks[0]: expected a host and a port"},
		{"routes:\n- {pool: default}\n- {pool: default}",
		 "3:3: warning: routes[1]: is never reached"},
		{"sites: {a: {domains: [x.y]}, b: {domains: [z.y, X.Y]}}",
		 "1:49: error: sites.b.domains[1]: x.y is already in site \"a\""},
		{"sites: {a: {domains: [x.y, x.y]}}",
		 "1:28: error: sites.a.domains[1]: x.y is already in site \"a\""},
		{"sites: {a: {domains: ['*.x']}}",
		 "1:23: error: sites.a.domains[0]: expected a domain"},
		{"sites: {a: {domains: ['x.']}}",
		 "1:23: error: sites.a.domains[0]: expected a domain"},
		{"sites: {default: {domains: [x.y]}}",
		 "1:28: error: sites.default.domains: the default site is for all domains"},
		{"sites: {tail: {}}", "1:9: error: sites.tail: the name is taken"},
		{"sites: {tail-3: {}}", "1:9: error: sites.tail-3: the name is taken"},
		{"sites: {Gmail: {}}",
		 "1:9: error: sites.Gmail: the name may hold only lower-case letters"},
		{"sites: {a.b: {}}", "1:9: error: sites: \"a.b\" cannot be a name"},
		{"sites: {default: {mx: [mx.example.com]}}", "sites.default.mx: the default site"},
		{"sites: {a: {mx: ['*']}}", "sites.a.mx[0]: expected a host"},
		{"sites: {a: {mx: ['mx*.example.com']}}", "sites.a.mx[0]: expected a host"},
		{"sites: {a: {mx: [com]}}", "sites.a.mx[0]: expected a host"},
		{"pools: {tail: {}}", "1:9: error: pools.tail: the name is taken"},
		{"pools: {tailor: {}}", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *conf;
		char *faults = NULL;
		size_t len = 0;
		enum err err = conf_load_text(cases[i].text, &root, &conf);
		assert_int_equal(err, conf_fault_count(conf) ? E_MALFORMED : OK);
		FILE *stream = open_memstream(&faults, &len);
		conf_print_faults(conf, stream, false);
		fclose(stream);
		if (!strstr(faults, cases[i].fault))
			print_error("case: %s\ngave: %s\n", cases[i].text, faults);
		assert_non_null(strstr(faults, cases[i].fault));
		if (!cases[i].fault[0])
			assert_string_equal(faults, "");
		free(faults);
		conf_free(&conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named_sites_are_found_by_domain_and_all_else_is_the_tail),
		cmocka_unit_test(test_a_domain_belongs_to_the_site_of_all_its_best_mx_hosts),
		cmocka_unit_test(test_settings_of_a_site_are_its_own_or_the_default_ones),
		cmocka_unit_test(test_default_pool_source_and_site_are_there_without_settings),
		cmocka_unit_test(test_patterns_match_a_domain_what_is_below_or_all),
		cmocka_unit_test(test_the_first_route_that_holds_is_taken),
		cmocka_unit_test(test_a_pool_keeps_its_sources_and_weights),
		cmocka_unit_test(test_faults_of_routing_are_told_where_they_stand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
