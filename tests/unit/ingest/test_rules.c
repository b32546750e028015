/* Rules: which one counts, and what it changes. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/rules.h"
#include "tests/unit/ingest/fixture_routing.h"

struct rules_fixture {
	struct routing_fixture routing;
	struct conf *conf;
	const struct conf_items *rules;
	struct mail *mail;
};

static const struct conf_child children[] = {{&rules_section, 0}};
static const struct conf_section root = {.name = "root",
					 .help = "Rules.",
					 .size = sizeof(struct conf_items),
					 .children = children,
					 .child_count = CONF_COUNT(children)};

static int set_up(void **state)
{
	struct rules_fixture *f = calloc(1, sizeof *f);
	routing_fixture_open(&f->routing);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct rules_fixture *f = *state;
	mail_free(&f->mail);
	conf_free(&f->conf);
	routing_fixture_close(&f->routing);
	free(f);
	return 0;
}

static void to(struct rules_fixture *f, const char *text)
{
	struct address address;
	struct destination destination;
	assert_int_equal(address_parse(bytes_of(text), true, &address), OK);
	assert_int_equal(mail_route(f->mail, f->routing.routing, &address, &destination), OK);
	mail_add(f->mail, &destination);
}

/* A mail of shop@news.example to Gmail and another domain, by the listener "relay". */
static void begin(struct rules_fixture *f, const char *rules, const char *content)
{
	struct address sender;
	char text[2000];
	mail_free(&f->mail);
	conf_free(&f->conf);
	(void)snprintf(text, sizeof text, "rules: [%s]", rules);
	enum err err = conf_load_text(text, &root, &f->conf);
	conf_print_faults(f->conf, stderr, false);
	assert_int_equal(err, OK);
	f->rules = conf_root(f->conf);
	f->mail = mail_new("smtp", 1000);
	f->mail->listener = "relay";
	assert_int_equal(address_parse(BYTES("shop@news.example"), true, &sender), OK);
	assert_int_equal(mail_set_sender(f->mail, &sender), OK);
	f->mail->content = blob_from_bytes(bytes_of(content));
	to(f, "a@gmail.example");
	to(f, "b@other.example");
}

static void apply(struct rules_fixture *f, const char *first_pool, const char *second_pool)
{
	rules_apply(f->rules, f->routing.routing, f->mail);
	assert_string_equal(f->mail->destinations[0].pool, first_pool);
	assert_string_equal(f->mail->destinations[1].pool, second_pool);
}

static void test_without_rules_nothing_changes(void **state)
{
	struct rules_fixture *f = *state;
	begin(f, "", "S: s\r\n\r\n");
	apply(f, "bulk", "bulk");
}

static void test_each_condition_can_keep_a_rule_away(void **state)
{
	static const struct {
		const char *when;
		bool holds;
	} cases[] = {
		{"{}", true},
		{"{listener: relay}", true},
		{"{listener: rela}", false},
		{"{credential: crm-*}", true},
		{"{credential: crm}", false},
		{"{credential: CRM-*}", false},
		{"{tenant: acme}", true},
		{"{tenant: other}", false},
		{"{from_domain: news.example}", true},
		{"{from_domain: '*.example'}", true},
		{"{from_domain: shop.example}", false},
		{"{header: X-Kind}", true},
		{"{header: x-kind = receipt*}", true},
		{"{header: X-KIND=*42}", true},
		{"{header: X-Kind = receipt}", false},
		{"{header: X-Folded = one two}", true},
		{"{header: X-Other}", false},
		{"{header: X-Body}", false},
		{"{listener: relay, tenant: acme, header: X-Kind}", true},
		{"{listener: relay, tenant: other, header: X-Kind}", false},
	};
	struct rules_fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char rules[300];
		(void)snprintf(rules, sizeof rules, "{when: %s, then: {pool: default}}",
			       cases[i].when);
		begin(f, rules,
		      "X-Kind: news\r\nX-Folded: one\r\n two\r\nX-Kind: Receipt 42\r\n\r\nX-Body: "
		      "x\r\n");
		f->mail->user = "crm-1";
		f->mail->labels.tenant = BYTES("acme");
		rules_apply(f->rules, f->routing.routing, f->mail);
		bool has_acted = strcmp(f->mail->destinations[0].pool, "default") == 0;
		if (has_acted != cases[i].holds)
			print_error("case: %s\n", cases[i].when);
		assert_int_equal(has_acted, cases[i].holds);
	}
}

static void test_the_first_rule_that_matches_is_the_only_one(void **state)
{
	struct rules_fixture *f = *state;
	begin(f,
	      "{when: {tenant: x}, then: {pool: bulk}},"
	      "{when: {listener: relay}, then: {tenant: acme, priority: -3}},"
	      "{then: {pool: default, campaign: c}}",
	      "\r\n");
	f->mail->wishes.priority = 12;
	apply(f, "bulk", "bulk");
	assert_true(bytes_is(f->mail->labels.tenant, "acme"));
	assert_int_equal(f->mail->labels.campaign.len, 0);
	assert_int_equal(f->mail->wishes.priority, 7);
}

static void test_what_a_rule_does_not_give_stays(void **state)
{
	struct rules_fixture *f = *state;
	begin(f, "{then: {campaign: spring}}", "\r\n");
	f->mail->wishes.priority = 12;
	f->mail->labels.tenant = BYTES("acme");
	apply(f, "bulk", "bulk");
	assert_int_equal(f->mail->wishes.priority, 12);
	assert_true(bytes_is(f->mail->labels.tenant, "acme"));
	assert_true(bytes_is(f->mail->labels.campaign, "spring"));
}

static void test_a_rule_for_a_recipient_chooses_its_pool_alone(void **state)
{
	struct rules_fixture *f = *state;
	begin(f,
	      "{when: {to_domain: gmail.example}, then: {pool: default}},"
	      "{then: {tenant: acme, pool: bulk}}",
	      "\r\n");
	apply(f, "default", "bulk");
	assert_true(bytes_is(f->mail->labels.tenant, "acme"));
}

static void test_a_header_is_read_from_a_spool_file_too(void **state)
{
	struct rules_fixture *f = *state;
	struct why why;
	char directory[] = "/tmp/rules-XXXXXX";
	assert_non_null(mkdtemp(directory));
	begin(f, "{when: {header: X-Kind = receipt}, then: {pool: default}}", "\r\n");
	struct blob_writer *writer = blob_writer_new(directory, 100);
	assert_int_equal(blob_writer_append(writer, BYTES("X-Kind: receipt\r\n\r\n"), &why), OK);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(blob_writer_append(writer, BYTES("some text of a line\r\n"), &why),
				 OK);
	blob_unref(&f->mail->content);
	f->mail->content = blob_writer_finish(&writer);
	assert_int_equal(rmdir(directory), 0);
	apply(f, "default", "default");
}

static void test_a_template_has_no_header_yet(void **state)
{
	struct rules_fixture *f = *state;
	begin(f, "{when: {header: X-Kind}, then: {pool: default}}", "X-Kind: x\r\n\r\n");
	f->mail->is_skeleton = true;
	apply(f, "bulk", "bulk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_rules_nothing_changes),
		cmocka_unit_test(test_each_condition_can_keep_a_rule_away),
		cmocka_unit_test(test_the_first_rule_that_matches_is_the_only_one),
		cmocka_unit_test(test_what_a_rule_does_not_give_stays),
		cmocka_unit_test(test_a_rule_for_a_recipient_chooses_its_pool_alone),
		cmocka_unit_test(test_a_header_is_read_from_a_spool_file_too),
		cmocka_unit_test(test_a_template_has_no_header_yet),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
