/* The sites that are built in, and what an operator's own settings do to them. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "leveret/settings.h"
#include "lib/routing/shipped.h"

static struct conf *conf;
static struct routing *routing;

static void load(const char *text)
{
	enum err err = conf_load_text(text, &settings_root, &conf);
	conf_print_faults(conf, stderr, false);
	assert_int_equal(err, OK);
	const struct settings *settings = conf_root(conf);
	routing = routing_new(&settings->routing);
}

static int unload(void **state)
{
	(void)state;
	routing_free(&routing);
	conf_free(&conf);
	return 0;
}

static const char *site_of(const char *host)
{
	const struct routing_mx mx = {host, 10};
	return routing_site_of_mx(routing, &mx, 1);
}

static void test_every_file_is_a_site_of_its_name_with_patterns(void **state)
{
	(void)state;
	load("");
	for (size_t i = 0; i < shipped_site_count; i++) {
		const char *name = shipped_sites[i].name;
		assert_non_null(routing_known_site(routing, name));
		assert_true(routing_site_settings(routing, name)->mx.count > 0);
	}
}

static void test_large_providers_are_known_by_domain_and_by_mx(void **state)
{
	static const struct {
		const char *host, *site;
	} hosts[] = {
		{"gmail-smtp-in.l.google.com", "google"},
		{"smtp.google.com", "google"},
		{"hotmail-com.olc.protection.outlook.com", "microsoft"},
		{"example-com.mail.protection.outlook.com", "microsoft365"},
		{"mta5.am0.yahoodns.net", "yahoo"},
		{"mx01.mail.icloud.com", "apple"},
		{"mxa-00123456.gslb.pphosted.com", "proofpoint"},
		{"eu-smtp-inbound-1.mimecast.com", "mimecast"},
		{"d123456a.ess.barracudanetworks.com", "barracuda"},
		{"mxbiz1.qq.com", "qq"},
		{"163mx01.mxmail.netease.com", "netease"},
		{"inbound-smtp.us-east-1.amazonaws.com", "amazon"},
	};
	(void)state;
	load("");
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		assert_string_equal(site_of(hosts[i].host), hosts[i].site);
	assert_string_equal(routing_named_site(routing, "gmail.com"), "google");
	assert_string_equal(routing_named_site(routing, "aol.com"), "yahoo");
	assert_string_equal(routing_named_site(routing, "163.com"), "netease");
	assert_null(site_of("ec2-192-0-2-1.compute-1.amazonaws.com"));
}

/* Queues cost the broker: tens, not hundreds. */
static void test_only_the_largest_have_queues_of_their_own(void **state)
{
	size_t count = 0;
	(void)state;
	load("");
	for (size_t i = 0; i < shipped_site_count; i++)
		count += site_has_queue(routing_site_settings(routing, shipped_sites[i].name));
	assert_int_equal(count, 4);
}

static void test_an_operators_entry_wins_field_by_field(void **state)
{
	char origin[100];
	(void)state;
	load("sites:\n  google: {connections: 3, domains: [own.example]}\n"
	     "  default: {port: 2525}\n");
	const struct site_settings *site = routing_site_settings(routing, "google");
	assert_int_equal(site->connections, 3);
	assert_int_equal(site->messages_per_connection, 100);
	assert_int_equal(site->port, 2525);
	assert_string_equal(site_of("smtp.google.com"), "google");
	assert_string_equal(routing_named_site(routing, "own.example"), "google");
	assert_null(routing_named_site(routing, "gmail.com"));
	conf_origin(conf, "sites.google.connections", origin, sizeof origin);
	assert_string_equal(origin, "(text):2");
	conf_origin(conf, "sites.google.mx", origin, sizeof origin);
	assert_non_null(strstr(origin, "built-in sites/google.yaml:"));
	conf_origin(conf, "sites.google.connection_idle", origin, sizeof origin);
	assert_string_equal(origin, "default");
}

static void test_an_operators_site_takes_domains_and_mx_from_shipped_ones(void **state)
{
	(void)state;
	load("sites:\n  gmail: {domains: [Gmail.com], mx: ['*.google.com']}\n");
	assert_string_equal(routing_named_site(routing, "gmail.com"), "gmail");
	assert_string_equal(routing_named_site(routing, "googlemail.com"), "google");
	assert_string_equal(site_of("smtp.google.com"), "gmail");
}

static void test_shipped_sites_can_be_chosen_or_left_out(void **state)
{
	(void)state;
	load("shipped_sites: []\n");
	assert_false(routing_has_mx(routing));
	assert_null(routing_known_site(routing, "google"));
	unload(NULL);
	load("shipped_sites: [yahoo]\n");
	assert_non_null(routing_known_site(routing, "yahoo"));
	assert_null(routing_known_site(routing, "google"));
	unload(NULL);
	assert_int_equal(conf_load_text("shipped_sites: [gogle]\n", &settings_root, &conf),
			 E_MALFORMED);
}

static void test_what_is_dumped_can_be_read_again(void **state)
{
	char *text = NULL;
	size_t len = 0;
	struct conf *again;
	(void)state;
	load("sites:\n  gmail: {domains: [gmail.com]}\n");
	FILE *out = open_memstream(&text, &len);
	conf_dump(conf, out, false);
	(void)fclose(out);
	enum err err = conf_load_text(text, &settings_root, &again);
	conf_print_faults(again, stderr, false);
	assert_int_equal(err, OK);
	const struct settings *before = conf_root(conf), *after = conf_root(again);
	assert_int_equal(after->routing.sites.count, before->routing.sites.count);
	conf_free(&again);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_every_file_is_a_site_of_its_name_with_patterns,
					  unload),
		cmocka_unit_test_teardown(test_large_providers_are_known_by_domain_and_by_mx,
					  unload),
		cmocka_unit_test_teardown(test_only_the_largest_have_queues_of_their_own, unload),
		cmocka_unit_test_teardown(test_an_operators_entry_wins_field_by_field, unload),
		cmocka_unit_test_teardown(
			test_an_operators_site_takes_domains_and_mx_from_shipped_ones, unload),
		cmocka_unit_test_teardown(test_shipped_sites_can_be_chosen_or_left_out, unload),
		cmocka_unit_test_teardown(test_what_is_dumped_can_be_read_again, unload),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
