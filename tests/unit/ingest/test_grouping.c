/* Grouping: every recipient in exactly one group, every group of one fate, pool and site. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/grouping.h"
#include "tests/unit/ingest/fixture_routing.h"

struct fixture {
	struct routing_fixture routing;
	struct mail *mail;
	const struct group *groups;
	size_t count;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	routing_fixture_open(&f->routing);
	f->mail = mail_new("smtp", 1000);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	mail_free(&f->mail);
	routing_fixture_close(&f->routing);
	free(f);
	return 0;
}

static void from(struct fixture *f, const char *text)
{
	struct address address;
	assert_int_equal(address_parse(bytes_of(text), true, &address), OK);
	assert_int_equal(mail_set_sender(f->mail, &address), OK);
}

static void to(struct fixture *f, const char *text, enum fate fate)
{
	struct address address;
	struct destination destination;
	assert_int_equal(address_parse(bytes_of(text), true, &address), OK);
	assert_int_equal(mail_route(f->mail, f->routing.routing, &address, &destination), OK);
	destination.fate = fate;
	mail_add(f->mail, &destination);
}

static void cut(struct fixture *f)
{
	f->count = grouping_cut(f->mail, &f->groups);
}

/* "pool.site: a b" for each group, joined by "; " */
static void assert_groups(struct fixture *f, const char *wanted)
{
	char text[4096] = "";
	cut(f);
	for (size_t i = 0; i < f->count; i++) {
		const struct group *group = &f->groups[i];
		size_t len = strlen(text);
		snprintf(text + len, sizeof text - len, "%s%s%s.%s:", i > 0 ? "; " : "",
			 group->destinations->fate == FATE_SUPPRESSED ? "suppressed " : "",
			 group->destinations->pool, group->destinations->site);
		for (size_t j = 0; j < group->count; j++) {
			len = strlen(text);
			snprintf(text + len, sizeof text - len, " %.*s",
				 BYTES_ARGS(group->destinations[j].address));
		}
	}
	assert_string_equal(text, wanted);
}

static void test_recipients_of_one_site_share_a_group(void **state)
{
	struct fixture *f = *state;
	from(f, "me@shop.example");
	to(f, "b@gmail.example", FATE_DELIVER);
	to(f, "c@other.example", FATE_DELIVER);
	to(f, "a@GoogleMail.example", FATE_DELIVER);
	assert_groups(f, "default.gmail: a@GoogleMail.example b@gmail.example; "
			 "default.other.example: c@other.example");
}

static void test_the_pool_is_the_routes_unless_another_is_asked_for(void **state)
{
	struct fixture *f = *state;
	from(f, "me@NEWS.example");
	to(f, "a@gmail.example", FATE_DELIVER);
	f->mail->pool_asked = BYTES("default");
	to(f, "b@gmail.example", FATE_DELIVER);
	f->mail->pool_asked = BYTES("unknown");
	to(f, "c@gmail.example", FATE_DELIVER);
	assert_groups(f, "bulk.gmail: a@gmail.example c@gmail.example; "
			 "default.gmail: b@gmail.example");
}

static void test_fates_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	from(f, "");
	to(f, "a@x.example", FATE_SUPPRESSED);
	to(f, "b@x.example", FATE_DELIVER);
	assert_groups(f, "default.x.example: b@x.example; "
			 "suppressed default.x.example: a@x.example");
}

static void test_a_recipient_named_twice_is_one(void **state)
{
	struct fixture *f = *state;
	from(f, "");
	to(f, "b@x.example", FATE_DELIVER);
	to(f, "a@x.example", FATE_DELIVER);
	to(f, "b@x.example", FATE_DELIVER);
	to(f, "B@x.example", FATE_DELIVER); /* another mailbox, as far as we may know */
	assert_groups(f, "default.x.example: B@x.example a@x.example b@x.example");
}

static void test_a_group_holds_a_hundred_recipients_at_most(void **state)
{
	struct fixture *f = *state;
	size_t total = 0;
	from(f, "");
	for (int i = 0; i < 250; i++) {
		char text[64];
		snprintf(text, sizeof text, "u%d@x.example", i);
		to(f, text, FATE_DELIVER);
	}
	cut(f);
	assert_int_equal(f->count, 3);
	for (size_t i = 0; i < f->count; i++) {
		assert_true(f->groups[i].count <= GROUP_RECIPIENTS_MAX);
		total += f->groups[i].count;
	}
	assert_int_equal(total, 250);
}

static void test_many_sites_are_many_groups(void **state)
{
	struct fixture *f = *state;
	from(f, "");
	for (int i = 0; i < 10000; i++) {
		char text[64];
		snprintf(text, sizeof text, "u@d%d.example", i % 5000);
		to(f, text, FATE_DELIVER);
	}
	cut(f);
	assert_int_equal(f->count, 5000);
}

static void test_a_recipient_without_a_way_out_is_told(void **state)
{
	struct fixture *f = *state;
	struct address address = {
		.text = BYTES("a@-.example"), .local = BYTES("a"), .domain = BYTES("-.example")};
	struct destination destination;
	assert_int_equal(mail_route(f->mail, f->routing.routing, &address, &destination),
			 E_MALFORMED);
	mail_route_nowhere(f->mail, f->routing.routing, BYTES("no address"), &destination);
	assert_int_equal(destination.fate, FATE_BOUNCED);
	assert_string_equal(destination.pool, "default");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_recipients_of_one_site_share_a_group),
		TEST(test_the_pool_is_the_routes_unless_another_is_asked_for),
		TEST(test_fates_are_kept_apart),
		TEST(test_a_recipient_named_twice_is_one),
		TEST(test_a_group_holds_a_hundred_recipients_at_most),
		TEST(test_many_sites_are_many_groups),
		TEST(test_a_recipient_without_a_way_out_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
