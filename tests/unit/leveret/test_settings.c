/* The program's settings: its shipped files, the checks between sections, and what can be said of this host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leveret/settings.h"

static char *faults_of(const struct conf *conf)
{
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);
	conf_print_faults(conf, stream, false);
	fclose(stream);
	return out;
}

static char *read_whole(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	return text;
}

/* With LEVERET_WRITE_DOCS set in the environment, writes the page instead of comparing it. */
static void assert_page_is_current(const char *path, void (*write_page)(FILE *out))
{
	char *page = NULL;
	size_t len = 0;
	FILE *out = getenv("LEVERET_WRITE_DOCS") ? fopen(path, "w") : open_memstream(&page, &len);
	assert_non_null(out);
	write_page(out);
	fclose(out);
	if (page) {
		char *kept = read_whole(path);
		if (strcmp(kept, page) != 0)
			print_error("%s is not what the tables say; run this test with "
				    "LEVERET_WRITE_DOCS=1\n",
				    path);
		assert_string_equal(kept, page);
		free(kept);
	}
	free(page);
}

static void write_sample(FILE *out)
{
	conf_write_sample(&settings_root, out);
}

static void test_the_sample_and_the_reference_are_what_the_tables_say(void **state)
{
	(void)state;
	assert_page_is_current(LEVERET_SOURCE_DIR "/configs/leveret.sample.yaml", write_sample);
	assert_page_is_current(LEVERET_SOURCE_DIR "/docs/reference.md", settings_write_reference);
}

static void test_the_shipped_files_are_without_fault(void **state)
{
	static const char *const files[] = {"leveret.sample.yaml", "leveret.dev.yaml",
					    "leveret.compose.yaml", "leveret.rabbitmq.yaml"};
	(void)state;
	assert_int_equal(setenv("RABBITMQ_PASSWORD", "secret", 1), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct conf *conf;
		const struct settings *settings = NULL;
		char path[4096];
		snprintf(path, sizeof(path), LEVERET_SOURCE_DIR "/configs/%s", files[i]);
		enum err err = settings_load(path, &conf, &settings);
		conf_print_faults(conf, stderr, false);
		assert_int_equal(err, OK);
		assert_int_equal(conf_warning_count(conf), 0);
		assert_int_equal(settings->version, 1);
		conf_free(&conf);
	}
}

static void test_defaults_are_within_their_bounds(void **state)
{
	struct conf *conf, *again;
	char *dump = NULL;
	size_t len = 0;
	(void)state;
	assert_int_equal(conf_load_text("", &settings_root, &conf), OK);
	const struct settings *settings = conf_root(conf);
	assert_string_equal(settings->node.data_dir, "/var/lib/leveret");
	assert_int_equal(settings->node.log.level, 1);
	assert_int_equal(settings->smtp_timeouts.body, 600000);
	assert_int_equal(settings->listeners.count, 0);
	FILE *out = open_memstream(&dump, &len);
	conf_dump(conf, out, false);
	fclose(out);
	assert_int_equal(conf_load_text(dump, &settings_root, &again),
			 OK); /* reads each default as a value */
	free(dump);
	conf_free(&conf);
	conf_free(&again);
}

static const struct {
	const char *text, *fault;
} cases[] = {
	{"version: 2", "1:10: error: version: must be between 1 and 1, not 2"},
	{"node: {log: {level: loud}}",
	 "1:21: error: node.log.level: expected debug, info, warning or error, not \"loud\""},
	{"node: {metrics: localhost:9100}",
	 "1:17: error: node.metrics: expected an IP address and port, not a name"},
	{"broker: {url: http://x}",
	 "1:15: error: broker.url: expected amqp://..., amqps://... or embedded:DIRECTORY"},
	{"broker: {url: embedded:data}",
	 "1:15: error: broker.url: the directory of the embedded engine must be an absolute path"},
	{"broker: {queue_type: quorum}",
	 "1:22: warning: broker.queue_type: means nothing on the embedded engine"},
	{"broker: {url: embedded:/x, management_url: http://h}",
	 "1:44: warning: broker.management_url: means nothing on the embedded engine"},
	{"broker: {password: {env: HOME}}",
	 "warning: broker.password: means nothing on the embedded engine"},
	{"broker: {url: amqp://h, min_free: 1GiB}",
	 "1:35: warning: broker.min_free: is for the embedded engine only"},
	{"broker: {url: amqp://h:99999}", "1:15: error: broker.url: "},
	{"broker: {prefix: a b}", "1:18: error: broker.prefix: may hold only"},
	{"broker: {url: amqp://u:p@h}", "1:15: warning: broker.url: holds a password"},
	{"broker: {url: amqps://h, tls_verify: no}",
	 "1:38: warning: broker.tls_verify: false: anybody"},
	{"broker: {url: amqp://h, queue_type: classic}",
	 "1:37: warning: broker.queue_type: classic queues lose mail"},
	{"broker: {reconnect_min: 1m}",
	 "1:1: error: broker.reconnect_max: must not be shorter than reconnect_min"},
	{"broker: {management_url: h:15672}",
	 "1:26: error: broker.management_url: expected http://HOST:PORT"},
	{"ingest: {credentials: /a, credentials_url: https://h/}",
	 "1:1: error: ingest: give one of credentials, credentials_command and"},
	{"ingest: {credentials_url: ftp://h/}",
	 "1:27: error: ingest.credentials_url: expected http://... or https://..."},
	{"ingest: {credentials_url: http://h/}",
	 "1:27: warning: ingest.credentials_url: passwords may be read on the way"},
	{"listeners: {a: {address: 1.2.3.4:25, accept_for: ['*']}}",
	 "1:51: error: listeners.a.accept_for[0]: expected a domain such as bounces.example.com"},
	{"listeners: {a: {address: 1.2.3.4:25, accept_for: [b.example], client_certificates: "
	 "required}}",
	 "error: listeners.a.accept_for: cannot be given where every client must log in"},
	{"listeners: {a: {address: 1.2.3.4:25, accept_for: [b.example], protocol: http}}",
	 "error: listeners.a.accept_for: is SMTP's"},
	{"listeners: {a: {address: 1.2.3.4:25, accept_for: [b.example], tls: required}}",
	 "warning: listeners.a.accept_for: with tls: required: many hosts bounce in the clear"},
	{"listeners: {a: {address: 1.2.3.4:25, repair: [all]}}",
	 "1:47: error: listeners.a.repair[0]: expected long_lines or eight_bit, not \"all\""},
	{"rules: [{when: {listener: a}, then: {pool: default}}]",
	 "1:27: error: rules[0].when.listener: there is no listener \"a\""},
	{"sites: {a: {replies: [{when: {code: [550]}, then: {classify: bad_mailbox}}]}}",
	 "1:62: error: sites.a.replies[0].then.classify: there is no class \"bad_mailbox\" "
	 "(docs/bounces.md has them)"},
	{"sites: {a: {replies: [{when: {alert: nosuch}, then: {slow_by: 9%}}]}}",
	 "sites.a.replies[0].when.alert: there is no alert \"nosuch\", or it is off"},
	{"{alerts: {blocks: {then: off}}, sites: {a: {replies: [{when: {alert: blocks}, then: "
	 "{slow_by: 9%}}]}}}",
	 "there is no alert \"blocks\", or it is off"},
	{"sites: {default: {replies: [{when: {alert: hard_bounces}, then: {park_site: yes}}]}}",
	 "park_site is of a site, and the alert \"hard_bounces\" is not `per` site"},
	{"sites: {a: {replies: [{when: {alert: deferrals}, then: {suspend_tenant: yes}}]}}",
	 "suspend_tenant is of a tenant, and the alert \"deferrals\" is not `per` tenant"},
	{"rules: [{then: {pool: x}}]", "1:23: error: rules[0].then.pool: there is no pool \"x\""},
	{"rules:\n- when: {from_domain: 'a b'}\n  then: {pool: default}",
	 "2:23: error: rules[0].when.from_domain: expected a domain, *.domain or *"},
	{"rules: [{when: {header: 'a b = c'}, then: {tenant: a}}]",
	 "1:25: error: rules[0].when.header: expected NAME or NAME = PATTERN"},
	{"rules: [{when: {to_domain: a.example}, then: {tenant: a}}]",
	 "1:40: error: rules[0].then: with to_domain a rule chooses the pool"},
	{"rules: [{when: {tenant: a}}]", "1:9: warning: rules[0]: decides nothing"},
	{"rules: [{then: {tenant: a}}, {then: {tenant: b}}]",
	 "1:30: warning: rules[1]: is never reached: rules[0] takes all mail"},
	{"rules: [{then: {priority: 10}}]",
	 "1:27: error: rules[0].then.priority: must be between -9 and 9"},
	{"listeners: {a: {}}", "1:13: error: listeners.a.address: must be given"},
	{"listeners: {a: {address: mx.example:25}}",
	 "1:26: error: listeners.a.address: expected an IP address and port"},
	{"listeners: {a: {address: 1.2.3.4:25}, b: {address: 1.2.3.4:25}}",
	 "1:52: error: listeners.b.address: is already the address of listener \"a\""},
	{"listeners: {a: {address: 1.2.3.4:25, allow_from: [0.0.0.0/0]}}",
	 "1:50: warning: listeners.a.allow_from: everybody may relay"},
	{"listeners: {a: {address: 1.2.3.4:25, tls: required}}",
	 "1:13: error: listeners.a.certificate: must be given with tls"},
	{"listeners: {a: {address: 1.2.3.4:25, tls: required, certificate: m}}",
	 "error: listeners.a.certificate: there is no certificate \"m\""},
	{"listeners: {a: {address: 1.2.3.4:25, client_certificates: optional}}",
	 "error: listeners.a.client_ca: must be given with client_certificates"},
	{"listeners: {a: {address: 1.2.3.4:25, auth: required}}",
	 "error: listeners.a.auth: nobody could log in"},
	{"listeners: {a: {address: 1.2.3.4:25, auth: required, auth_without_tls: true}}",
	 "error: listeners.a.auth: needs ingest.credentials"},
	{"sites: {x: {retry: otp}}",
	 "1:20: error: sites.x.retry: there is no retry schedule \"otp\""},
	{"sites: {default: {retry: otp}, x: {}}",
	 "1:26: error: sites.x.retry: there is no retry schedule \"otp\""},
	{"retry: {a: {first: 5m, max: 1m}}",
	 "1:29: error: retry.a.max: must not be shorter than first"},
	{"resolver: {servers: [127.0.0.1:53, ns.example]}",
	 "1:36: error: resolver.servers[1]: expected an IP address, with a port if it is not 53: "
	 "\"ns.example\""},
	{"pools: {p: {sources: [s]}}", "1:22: error: pools.p.sources: there is no source \"s\""},
	{"mailerq: {enabled: true}",
	 "1:20: error: mailerq.enabled: needs a RabbitMQ in broker.url"},
	{"sites: {lent-1: {connections: 2}}",
	 "1:9: error: sites.lent-1: names that begin with lent- are those of queues that are lent "
	 "(lent_queues): expected another"},
	{"lent_queues: 0\nsites: {lent-x: {}}", "2:9: error: sites.lent-x: names that begin"},
	{"mailerq: {outbox: results}", "error: mailerq.results: cannot be the outbox"},
	{"mailerq: {failure: submit.tx}", "1:20: error: mailerq.failure: cannot be the outbox"},
};

static void test_settings_that_contradict_each_other_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *conf;
		enum err err = conf_load_text(cases[i].text, &settings_root, &conf);
		assert_int_equal(err, conf_fault_count(conf) ? E_MALFORMED : OK);
		char *faults = faults_of(conf);
		if (!strstr(faults, cases[i].fault))
			print_error("case: %s\ngave: %s\n", cases[i].text, faults);
		assert_non_null(strstr(faults, cases[i].fault));
		free(faults);
		conf_free(&conf);
	}
}

static void assert_broker(const char *text, const char *url, const char *directory)
{
	struct conf *conf;
	assert_int_equal(conf_load_text(text, &settings_root, &conf), OK);
	assert_int_equal(conf_warning_count(conf), 0);
	const struct settings *settings = conf_root(conf);
	assert_string_equal(settings->broker.url, url);
	if (directory)
		assert_string_equal(broker_directory(&settings->broker), directory);
	else
		assert_null(broker_directory(&settings->broker));
	conf_free(&conf);
}

static void test_without_a_broker_it_is_the_embedded_engine_in_data_dir(void **state)
{
	(void)state;
	assert_broker("", "embedded:/var/lib/leveret", "/var/lib/leveret");
	assert_broker("node: {data_dir: /srv/mail}", "embedded:/srv/mail", "/srv/mail");
	assert_broker("broker: {delivery_limit: 9, min_free: 1GiB}", "embedded:/var/lib/leveret",
		      "/var/lib/leveret");
	assert_broker("node: {data_dir: /srv/mail}\nbroker: {url: embedded:/fast}",
		      "embedded:/fast", "/fast");
	assert_broker("broker: {url: amqp://h, queue_type: quorum}", "amqp://h", NULL);
}

static void test_the_dump_shows_the_embedded_engine_and_reads_again(void **state)
{
	struct conf *conf;
	char *dump = NULL;
	size_t len = 0;
	(void)state;
	assert_int_equal(conf_load_text("node: {data_dir: /srv/mail}", &settings_root, &conf), OK);
	FILE *out = open_memstream(&dump, &len);
	conf_dump(conf, out, true);
	fclose(out);
	assert_non_null(strstr(dump, "  url: \"embedded:/srv/mail\"  # default\n"));
	conf_free(&conf);
	assert_int_equal(conf_load_text(dump, &settings_root, &conf), OK);
	conf_free(&conf);
	free(dump);
}

static void assert_environment(const char *text, const char *part, bool is_there)
{
	struct conf *conf;
	assert_int_equal(conf_load_text(text, &settings_root, &conf), OK);
	settings_check_environment(conf);
	char *faults = faults_of(conf);
	if (!strstr(faults, part) == is_there)
		print_error("case: %s\ngave: %s\n", text, faults);
	assert_int_equal(strstr(faults, part) != NULL, is_there);
	free(faults);
	conf_free(&conf);
}

static void test_what_this_host_lacks_is_told(void **state)
{
	(void)state;
	assert_environment("node: {hostname: short}",
			   "1:18: warning: node.hostname: \"short\" is not a full name", true);
	assert_environment("node: {hostname: a.example}", "node.hostname", false);
	assert_environment("node: {user: no-such-user}",
			   "1:14: error: node.user: there is no user \"no-such-user\"", true);
	assert_environment("node: {data_dir: /dev/null/x}", "1:18: error: node.data_dir: ", true);
	assert_environment("node: {data_dir: /dev/null}",
			   "node.data_dir: /dev/null is not a directory", true);
	assert_environment("node: {data_dir: /tmp/leveret-not-there/a/b}", "node.data_dir", false);
	assert_environment("broker: {url: embedded:/dev/null/x}",
			   "1:15: error: broker.url: ", true);
	assert_environment("broker: {tls_ca: /nonexistent/ca.pem}",
			   "1:18: error: broker.tls_ca: /nonexistent/ca.pem: No such file", true);
	assert_environment("workers: {tls_ca: /tmp}", "workers.tls_ca: /tmp is not a file", true);
	assert_environment("sources: {a: {address: 192.0.2.77}}",
			   "1:24: error: sources.a.address: this host does not have the address",
			   true);
	assert_environment("sources: {a: {address: 127.0.0.1}}", "sources.a.address", false);
	assert_environment("listeners: {a: {address: 192.0.2.77:2525}}",
			   "1:26: error: listeners.a.address: this host does not have", true);
}

static void test_a_port_in_use_is_not_held_against_the_settings(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	char text[100];
	(void)state;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(text, sizeof(text), "listeners: {a: {address: 127.0.0.1:%u}}",
		 ntohs(address.sin_port));
	assert_environment(text, "listeners.a.address", false);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sample_and_the_reference_are_what_the_tables_say),
		cmocka_unit_test(test_the_shipped_files_are_without_fault),
		cmocka_unit_test(test_defaults_are_within_their_bounds),
		cmocka_unit_test(test_settings_that_contradict_each_other_are_told),
		cmocka_unit_test(test_without_a_broker_it_is_the_embedded_engine_in_data_dir),
		cmocka_unit_test(test_the_dump_shows_the_embedded_engine_and_reads_again),
		cmocka_unit_test(test_what_this_host_lacks_is_told),
		cmocka_unit_test(test_a_port_in_use_is_not_held_against_the_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
