/* The resolver against a real name server (nsd) with a small zone, and against none. */
#include "lib/net/resolver.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char zone[] = "$TTL 60\n"
			   "@ SOA ns hostmaster 1 60 60 60 60\n"
			   "@ NS ns\n"
			   "ns A 127.0.0.1\n"
			   "two MX 20 Mx2\n"
			   "two MX 10 mx1\n"
			   "null MX 0 .\n"
			   "alias CNAME two\n"
			   "longer CNAME alias\n"
			   "away CNAME nowhere\n"
			   "only-txt TXT \"x\"\n"
			   "long TXT (\"one; \" \"two\")\n"
			   "long TXT \"other\"\n"
			   "mx1 A 192.0.2.1\n"
			   "mx1 AAAA 2001:db8::1\n"
			   "mx2 A 192.0.2.2\n"
			   "six AAAA 2001:db8::6\n"
			   "host-alias CNAME mx1\n";

/* One server for all tests. */
static struct {
	char folder[64], address[32];
	pid_t pid;
} nsd;

struct fixture {
	struct loop *loop;
	struct timer *limit;
	struct resolver *resolver;
	unsigned done_count, wanted_count;
	struct mx_answer mx;
	struct address_answer addresses;
	struct txt_answer txt;
};

/* ---- the name server ---- */

static unsigned free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		abort();
	(void)close(fd);
	return ntohs(address.sin_port);
}

static FILE *create(const char *name)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", nsd.folder, name);
	FILE *file = fopen(path, "w");
	if (!file)
		abort();
	return file;
}

static void write_settings(unsigned port)
{
	FILE *file = create("nsd.conf");
	(void)fprintf(file,
		      "server:\n ip-address: 127.0.0.1@%u\n username: \"\"\n chroot: \"\"\n"
		      " zonesdir: \"%s\"\n pidfile: \"%s/nsd.pid\"\n logfile: \"%s/nsd.log\"\n"
		      " xfrdfile: \"%s/xfrd\"\n zonelistfile: \"%s/zones\"\n xfrdir: \"%s\"\n"
		      " database: \"\"\n server-count: 1\n"
		      "remote-control:\n control-enable: no\n"
		      "zone:\n name: example.test\n zonefile: zone\n",
		      port, nsd.folder, nsd.folder, nsd.folder, nsd.folder, nsd.folder, nsd.folder);
	(void)fclose(file);
	file = create("zone");
	(void)fputs(zone, file);
	(void)fclose(file);
}

/* Answers a bare query when it is up; 5 s at most. */
static bool is_answering(unsigned port)
{
	static const uint8_t query[] = "\0\1\0\0\0\1\0\0\0\0\0\0\007example\004test\0\0\6\0\1";
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const struct timeval limit = {0, 50000};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	bool is_up = false;
	for (int i = 0; i < 100 && !is_up; i++) {
		uint8_t reply[512];
		(void)sendto(fd, query, sizeof query - 1, 0, (struct sockaddr *)&address,
			     sizeof address);
		is_up = recv(fd, reply, sizeof reply, 0) > 0;
		if (!is_up)
			(void)usleep(50000);
	}
	(void)close(fd);
	return is_up;
}

static int start_server(void **state)
{
	(void)state;
	(void)snprintf(nsd.folder, sizeof nsd.folder, "/tmp/leveret-test-XXXXXX");
	if (!mkdtemp(nsd.folder))
		return -1;
	unsigned port = free_port();
	write_settings(port);
	(void)snprintf(nsd.address, sizeof nsd.address, "127.0.0.1:%u", port);
	char settings[128];
	(void)snprintf(settings, sizeof settings, "%s/nsd.conf", nsd.folder);
	nsd.pid = fork();
	if (nsd.pid == 0) {
		(void)execlp("nsd", "nsd", "-d", "-c", settings, (char *)NULL);
		(void)execl("/usr/sbin/nsd", "nsd", "-d", "-c", settings, (char *)NULL);
		_exit(127);
	}
	return is_answering(port) ? 0 : -1;
}

static int stop_server(void **state)
{
	(void)state;
	(void)kill(nsd.pid, SIGTERM);
	(void)waitpid(nsd.pid, NULL, 0);
	static const char *const names[] = {"nsd.conf", "zone",	 "nsd.pid", "nsd.log",
					    "xfrd",	"zones", ""};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[128];
		(void)snprintf(path, sizeof path, "%s/%s", nsd.folder, names[i]);
		(void)remove(path);
	}
	return 0;
}

/* ---- asking ---- */

static void use_server(struct fixture *f, const char *server, int64_t timeout_ms)
{
	const struct resolver_options options = {
		.servers = &server, .server_count = 1, .timeout_ms = timeout_ms};
	struct why why;
	resolver_free(&f->resolver);
	assert_int_equal(resolver_new(f->loop, &options, &f->resolver, &why), OK);
}

static void on_limit(void *owner)
{
	loop_stop(owner);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->loop = loop_new();
	f->limit = timer_new(f->loop, on_limit, f->loop);
	use_server(f, nsd.address, 5000);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	resolver_free(&f->resolver);
	timer_free(&f->limit);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static void count_done(struct fixture *f)
{
	if (++f->done_count == f->wanted_count)
		loop_stop(f->loop);
}

static void on_mx(void *owner, const struct mx_answer *answer)
{
	struct fixture *f = owner;
	f->mx = *answer;
	count_done(f);
}

static void on_addresses(void *owner, const struct address_answer *answer)
{
	struct fixture *f = owner;
	f->addresses = *answer;
	count_done(f);
}

static void on_txt(void *owner, const struct txt_answer *answer)
{
	struct fixture *f = owner;
	f->txt = *answer;
	count_done(f);
}

static void run_until_done(struct fixture *f, unsigned count)
{
	assert_int_equal(f->done_count, 0); /* never from inside the call */
	f->wanted_count = count;
	timer_start(f->limit, 10000);
	loop_run(f->loop);
	timer_stop(f->limit);
	assert_int_equal(f->done_count, count);
	f->done_count = 0;
}

static void ask_mx(struct fixture *f, const char *name)
{
	assert_non_null(resolver_mx(f->resolver, name, on_mx, f));
	run_until_done(f, 1);
}

static void ask_addresses(struct fixture *f, const char *name)
{
	assert_non_null(resolver_addresses(f->resolver, name, on_addresses, f));
	run_until_done(f, 1);
}

/* ---- tests ---- */

static void assert_two_hosts(const struct mx_answer *answer)
{
	assert_int_equal(answer->outcome, DNS_FOUND);
	assert_int_equal(answer->count, 2);
	size_t first = answer->hosts[0].preference == 10 ? 0 : 1;
	assert_string_equal(answer->hosts[first].name, "mx1.example.test");
	assert_string_equal(answer->hosts[1 - first].name, "mx2.example.test");
	assert_int_equal(answer->hosts[1 - first].preference, 20);
}

static void test_mx_hosts_are_found_directly_and_through_aliases(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"two.example.test", "TWO.Example.Test.",
					    "alias.example.test", "longer.example.test"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		ask_mx(f, names[i]);
		assert_two_hosts(&f->mx);
	}
}

static void test_the_cache_answers_at_the_end_of_the_turn(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		ask_mx(f, "two.example.test");
		assert_two_hosts(&f->mx);
		ask_addresses(f, "mx1.example.test");
		assert_int_equal(f->addresses.count, 2);
	}
}

static void test_a_null_mx_is_found(void **state)
{
	struct fixture *f = *state;
	ask_mx(f, "null.example.test");
	assert_int_equal(f->mx.outcome, DNS_FOUND);
	assert_int_equal(f->mx.count, 1);
	assert_string_equal(f->mx.hosts[0].name, "");
}

static void ask_txt(struct fixture *f, const char *name)
{
	assert_non_null(resolver_txt(f->resolver, name, on_txt, f));
	run_until_done(f, 1);
}

static void test_texts_are_joined(void **state)
{
	struct fixture *f = *state;
	ask_txt(f, "long.example.test");
	assert_int_equal(f->txt.outcome, DNS_FOUND);
	assert_int_equal(f->txt.count, 2);
	const struct txt_record *first = &f->txt.records[0], *second = &f->txt.records[1];
	const struct txt_record *longer = first->len > second->len ? first : second;
	assert_int_equal(longer->len, 8);
	assert_memory_equal(longer->text, "one; two", 8);
	ask_txt(f, "two.example.test");
	assert_int_equal(f->txt.outcome, DNS_NO_DATA);
	ask_txt(f, "nowhere.example.test");
	assert_int_equal(f->txt.outcome, DNS_NO_NAME);
	ask_txt(f, "two..example.test");
	assert_int_equal(f->txt.outcome, DNS_NO_NAME);
	struct lookup *lookup = resolver_txt(f->resolver, "long.example.test", on_txt, f);
	lookup_cancel(&lookup);
}

static void test_what_is_not_there_is_told_apart(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		enum dns_outcome outcome;
	} cases[] = {
		{"only-txt.example.test", DNS_NO_DATA},
		{"nowhere.example.test", DNS_NO_NAME},
		{"away.example.test", DNS_NO_NAME},
		{"refused.invalid.example", DNS_FAILED}, /* the server does not know this zone */
		{"a-label-of-more-than-sixty-three-bytes-is-not-one-that-can-be-asked-for.test",
		 DNS_NO_NAME},
		{"two..example.test", DNS_NO_NAME},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ask_mx(f, cases[i].name);
		if (f->mx.outcome != cases[i].outcome || f->mx.count != 0)
			fail_msg("MX of %s: %d", cases[i].name, (int)f->mx.outcome);
		ask_addresses(f, cases[i].name);
		if (f->addresses.outcome != cases[i].outcome || f->addresses.count != 0)
			fail_msg("address of %s: %d", cases[i].name, (int)f->addresses.outcome);
	}
}

static void test_addresses_of_both_families_are_found(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		size_t count;
	} cases[] = {{"mx1.example.test", 2},
		     {"mx2.example.test", 1},
		     {"six.example.test", 1},
		     {"host-alias.example.test", 2}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ask_addresses(f, cases[i].name);
		assert_int_equal(f->addresses.outcome, DNS_FOUND);
		assert_int_equal(f->addresses.count, cases[i].count);
	}
	ask_addresses(f, "six.example.test");
	char text[NET_ADDRESS_SIZE];
	net_address_text(&f->addresses.addresses[0], text);
	assert_string_equal(text, "[2001:db8::6]:0");
}

static void test_many_look_ups_at_once(void **state)
{
	struct fixture *f = *state;
	char name[64];
	for (int i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof name, "none-%d.example.test", i);
		(void)resolver_mx(f->resolver, name, on_mx, f);
		(void)resolver_addresses(f->resolver, "mx1.example.test", on_addresses, f);
	}
	run_until_done(f, 400);
	assert_int_equal(f->mx.outcome, DNS_NO_NAME);
	assert_int_equal(f->addresses.count, 2);
}

static void test_a_server_that_is_not_there_is_a_failure_in_time(void **state)
{
	struct fixture *f = *state;
	char server[32];
	(void)snprintf(server, sizeof server, "127.0.0.1:%u", free_port());
	use_server(f, server, 300);
	int64_t start_ms = loop_now_ms(f->loop);
	ask_mx(f, "two.example.test");
	assert_int_equal(f->mx.outcome, DNS_FAILED);
	ask_addresses(f, "two.example.test");
	assert_int_equal(f->addresses.outcome, DNS_FAILED);
	assert_true(loop_now_ms(f->loop) - start_ms < 2000);
}

static void test_a_cancelled_look_up_stays_silent(void **state)
{
	struct fixture *f = *state;
	struct lookup *first = resolver_mx(f->resolver, "two.example.test", on_mx, f);
	struct lookup *second =
		resolver_addresses(f->resolver, "mx1.example.test", on_addresses, f);
	lookup_cancel(&first);
	lookup_cancel(&second);
	assert_null(first);
	ask_mx(f, "null.example.test");
	assert_int_equal(f->mx.count, 1);
	/* from the cache: answered already, not told yet */
	struct lookup *third = resolver_mx(f->resolver, "null.example.test", on_mx, f);
	lookup_cancel(&third);
	ask_mx(f, "only-txt.example.test");
	assert_int_equal(f->mx.outcome, DNS_NO_DATA);
}

static void test_a_resolver_goes_with_look_ups_under_way(void **state)
{
	struct fixture *f = *state;
	(void)resolver_mx(f->resolver, "two.example.test", on_mx, f);
	(void)resolver_addresses(f->resolver, "mx1.example.test", on_addresses, f);
	resolver_free(&f->resolver);
	timer_start(f->limit, 50);
	loop_run(f->loop);
	assert_int_equal(f->done_count, 0);
}

static void free_resolver(void *owner, const struct mx_answer *answer)
{
	struct fixture *f = owner;
	assert_int_equal(answer->outcome, DNS_FOUND);
	resolver_free(&f->resolver);
	count_done(f);
}

static void test_a_resolver_may_be_freed_in_an_answer(void **state)
{
	struct fixture *f = *state;
	(void)resolver_mx(f->resolver, "nowhere.example.test", on_mx, f);
	(void)resolver_mx(f->resolver, "two.example.test", free_resolver, f);
	f->wanted_count = 1000;
	timer_start(f->limit, 100);
	loop_run(f->loop);
	assert_null(f->resolver);
}

static void test_a_server_that_is_no_address_is_named(void **state)
{
	struct fixture *f = *state;
	const char *const servers[] = {"ns.example"};
	const struct resolver_options options = {
		.servers = servers, .server_count = 1, .timeout_ms = 1000};
	struct resolver *none = NULL;
	struct why why;
	assert_int_equal(resolver_new(f->loop, &options, &none, &why), E_MALFORMED);
	assert_non_null(strstr(why.text, "ns.example"));
	assert_null(none);
}

/* The digest is that of nobody's key. */
static const char anchor[] = ". IN DS 20326 8 2 "
			     "0000000000000000000000000000000000000000000000000000000000000000\n";

struct told {
	unsigned count;
	bool is_validating;
	char why[512];
};

static void on_validation(void *owner, bool is_validating, const char *why)
{
	struct told *told = owner;
	told->count++;
	told->is_validating = is_validating;
	(void)snprintf(told->why, sizeof told->why, "%s", why);
}

static void validate(struct fixture *f, enum dns_validation validation, const char *anchor_file,
		     struct told *told)
{
	const char *server = nsd.address;
	const struct resolver_options options = {
		.servers = &server,
		.server_count = 1,
		.timeout_ms = 5000,
		.validation = validation,
		.trust_anchor = anchor_file,
		.validation_known = on_validation,
		.owner = told,
	};
	struct why why;
	resolver_free(&f->resolver);
	assert_int_equal(resolver_new(f->loop, &options, &f->resolver, &why), OK);
}

static void write_anchor(char path[128])
{
	(void)snprintf(path, 128, "%s/anchor", nsd.folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(anchor, file);
	assert_int_equal(fclose(file), 0);
}

/* This server knows nothing of the root. */
static void test_without_a_chain_of_trust_look_ups_go_on_unvalidated(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};
	char path[128];
	write_anchor(path);
	validate(f, DNS_VALIDATE_IF_POSSIBLE, path, &told);
	assert_int_equal(told.count, 0);
	ask_mx(f, "two.example.test");
	assert_int_equal(f->mx.outcome, DNS_FOUND);
	assert_int_equal(f->mx.security, DNS_INSECURE);
	assert_int_equal(told.count, 1);
	assert_false(told.is_validating);
	assert_non_null(strstr(told.why, "root"));
	(void)remove(path);
}

static void test_validation_that_must_be_makes_the_unproven_fail(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};
	char path[128];
	write_anchor(path);
	validate(f, DNS_VALIDATE_ALWAYS, path, &told);
	ask_mx(f, "two.example.test");
	assert_int_equal(f->mx.outcome, DNS_FAILED);
	assert_true(told.is_validating);
	(void)remove(path);
}

static void test_an_anchor_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	const struct resolver_options options = {.timeout_ms = 1000,
						 .trust_anchor = "/nowhere/root.key"};
	struct resolver *none = NULL;
	struct why why;
	assert_int_equal(resolver_new(f->loop, &options, &none, &why), E_NOT_FOUND);
	assert_non_null(strstr(why.text, "/nowhere/root.key"));
	assert_null(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_mx_hosts_are_found_directly_and_through_aliases),
		TEST(test_the_cache_answers_at_the_end_of_the_turn),
		TEST(test_a_null_mx_is_found),
		TEST(test_texts_are_joined),
		TEST(test_what_is_not_there_is_told_apart),
		TEST(test_addresses_of_both_families_are_found),
		TEST(test_many_look_ups_at_once),
		TEST(test_a_server_that_is_not_there_is_a_failure_in_time),
		TEST(test_a_cancelled_look_up_stays_silent),
		TEST(test_a_resolver_goes_with_look_ups_under_way),
		TEST(test_a_resolver_may_be_freed_in_an_answer),
		TEST(test_a_server_that_is_no_address_is_named),
		TEST(test_without_a_chain_of_trust_look_ups_go_on_unvalidated),
		TEST(test_validation_that_must_be_makes_the_unproven_fail),
		TEST(test_an_anchor_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
