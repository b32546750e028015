/* Which suppressions a filter means. */
#include "tests/check.h"

#include "broker/suppression_filter.h"

static const struct suppression entry = {
	.address = {(const uint8_t *)"ann@mail.example.com", 20},
	.reason = {(const uint8_t *)"bad_mailbox", 11},
	.evidence = {(const uint8_t *)"550 5.1.1 No such User", 22},
	.rule = {(const uint8_t *)"unknown-user", 12},
	.tenant = {(const uint8_t *)"acme", 4},
	.created_wall_ms = 1000,
};

static bool fits(struct suppression_filter filter)
{
	return suppression_filter_fits(&filter, &entry);
}

static void test_nothing_given_fits_everything(void **state)
{
	(void)state;
	assert_true(fits((struct suppression_filter){0}));
}

static void test_times_are_from_and_before(void **state)
{
	(void)state;
	assert_true(fits((struct suppression_filter){.since_wall_ms = 1000}));
	assert_false(fits((struct suppression_filter){.since_wall_ms = 1001}));
	assert_true(fits((struct suppression_filter){.until_wall_ms = 1001}));
	assert_false(fits((struct suppression_filter){.until_wall_ms = 1000}));
}

static void test_a_domain_is_itself_or_with_a_star_what_is_below(void **state)
{
	(void)state;
	static const struct {
		const char *domain;
		bool fits;
	} rows[] = {{"mail.example.com", true},
		    {"Mail.Example.com", true},
		    {"example.com", false},
		    {"*.example.com", true},
		    {"*.mail.example.com", false},
		    {"ail.example.com", false},
		    {"*", true},
		    {"ann@mail.example.com", false}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(
			fits((struct suppression_filter){.domain = bytes_of(rows[i].domain)}),
			rows[i].fits);
}

static void test_words_are_whole_and_texts_are_parts(void **state)
{
	(void)state;
	assert_true(fits((struct suppression_filter){.reason = BYTES("Bad-Mailbox")}));
	assert_false(fits((struct suppression_filter){.reason = BYTES("bad")}));
	assert_true(fits((struct suppression_filter){.rule = BYTES("unknown-user")}));
	assert_true(fits((struct suppression_filter){.text = BYTES("no such user")}));
	assert_false(fits((struct suppression_filter){.text = BYTES("no such host")}));
	assert_true(fits((struct suppression_filter){.prefix = BYTES("ann@m")}));
	assert_false(fits((struct suppression_filter){.prefix = BYTES("nn@")}));
	assert_false(fits((struct suppression_filter){.origin = BYTES("import")}));
}

static void test_all_that_is_given_must_fit(void **state)
{
	(void)state;
	struct suppression_filter filter = {.tenant = BYTES("acme"), .text = BYTES("user")};
	assert_true(fits(filter));
	filter.tenant = BYTES("other");
	assert_false(fits(filter));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_given_fits_everything),
		cmocka_unit_test(test_times_are_from_and_before),
		cmocka_unit_test(test_a_domain_is_itself_or_with_a_star_what_is_below),
		cmocka_unit_test(test_words_are_whole_and_texts_are_parts),
		cmocka_unit_test(test_all_that_is_given_must_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
