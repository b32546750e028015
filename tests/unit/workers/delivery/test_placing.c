/* Which mail may be sent on to another site's queue, and what a domain's MX hosts say of its site. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/delivery/placing.h"
#include "workers/delivery/rollup.h"

static void test_only_mail_in_the_tail_or_placed_by_what_was_learned_moves(void **state)
{
	static const struct {
		struct placing_case c;
		enum placing placing;
		const char *to; /* NULL: not asked */
	} cases[] = {
		{{"a.example", "a.example", NULL, NULL}, PLACING_BY_MX, NULL},
		{{"a.example", "a.example", NULL, "google"}, PLACING_BY_MX, NULL},
		{{"a.example", "a.example", "google", NULL}, PLACING_GOES, NULL},
		{{"google", "a.example", "google", NULL}, PLACING_STAYS, NULL},
		{{"google", "a.example", NULL, "google"}, PLACING_BY_MX, NULL},
		/* put there by somebody else, on purpose */
		{{"google", "a.example", NULL, NULL}, PLACING_STAYS, NULL},
		{{"google", "a.example", NULL, "yahoo"}, PLACING_STAYS, NULL},
		{{"partners", "a.example", "google", NULL}, PLACING_STAYS, NULL},
		{{"b.example", "a.example", NULL, NULL}, PLACING_STAYS, NULL},
		{{"local.", "local.", NULL, NULL}, PLACING_BY_MX, NULL},
		/* a queue is lent to it, was, and is another's */
		{{"a.example", "a.example", NULL, "lent-1"}, PLACING_GOES, "lent-1"},
		{{"lent-1", "a.example", NULL, "lent-1"}, PLACING_STAYS, NULL},
		{{"lent-1", "a.example", NULL, NULL}, PLACING_GOES, "a.example"},
		{{"lent-1", "a.example", NULL, "lent-2"}, PLACING_GOES, "a.example"},
		{{"lent-1", "a.example", "google", "lent-1"}, PLACING_GOES, "google"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *key;
		if (placing_of(&cases[i].c, &key) != cases[i].placing)
			print_error("case %zu\n", i);
		assert_int_equal(placing_of(&cases[i].c, &key), cases[i].placing);
		if (cases[i].to)
			assert_string_equal(key, cases[i].to);
	}
}

static const char *patterns[] = {"*.big.example"};
static struct site_settings sites[] = {{.name = "default"},
				       {.name = "big", .own_queue = true, .mx = {patterns, 1}}};
static const struct routing_settings settings = {.sites = {sites, 2}};

static void test_the_site_of_an_answer_is_that_of_its_best_hosts(void **state)
{
	struct routing *routing = routing_new(&settings);
	struct mx_answer answer = {.outcome = DNS_FOUND,
				   .count = 2,
				   .hosts = {{10, "mx.other.example"}, {5, "mx.big.example"}}};
	(void)state;
	assert_string_equal(rollup_site_of(routing, &answer), "big");
	answer.hosts[0].preference = 5;
	assert_null(rollup_site_of(routing, &answer));
	answer.hosts[0].preference = 10;
	answer.outcome = DNS_FAILED;
	assert_null(rollup_site_of(routing, &answer));
	routing_free(&routing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_mail_in_the_tail_or_placed_by_what_was_learned_moves),
		cmocka_unit_test(test_the_site_of_an_answer_is_that_of_its_best_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
