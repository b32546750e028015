/* Which mail is meant by what a verb was told. */
#include "tests/check.h"

#include "leveret/selection.h"

static struct site_settings sites[] = {{.name = "default", .own_queue = true},
				       {.name = "gmail", .own_queue = true},
				       {.name = "rare"}};
static struct pool_settings pools[] = {{.name = "default"}};
static const struct routing_settings settings = {.pools = {pools, 1}, .sites = {sites, 3}};

static void test_a_queue_holds_its_site_and_a_tail_all_others(void **state)
{
	static const struct {
		struct selection selection;
		struct delivery_request mail;
		bool fits;
	} cases[] = {
		{{.site = BYTES("gmail")}, {.site = BYTES("gmail")}, true},
		{{.site = BYTES("gmail")}, {.site = BYTES("x.example")}, false},
		{{.site = BYTES("tail")}, {.site = BYTES("gmail")}, false},
		{{.site = BYTES("tail")}, {.site = BYTES("x.example")}, true},
		{{.site = BYTES("tail")}, {.site = BYTES("rare")}, true},
		{{.site = BYTES("x.example")}, {.site = BYTES("x.example")}, true},
		{{.pool = BYTES("bulk")}, {.pool = BYTES("default")}, false},
		{{.pool = BYTES("bulk")}, {.pool = BYTES("bulk"), .site = BYTES("gmail")}, true},
	};
	struct routing *routing = routing_new(&settings);
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(selection_fits_queue(&cases[i].selection, routing, &cases[i].mail),
				 cases[i].fits);
	routing_free(&routing);
}

static void test_all_that_is_said_must_fit(void **state)
{
	const struct delivery_request mail = {
		.labels = {.tenant = BYTES("acme"), .campaign = BYTES("spring")},
		.accepted_wall_ms = 1000};
	struct selection selection = {.tenant = BYTES("acme"), .campaign = BYTES("spring")};
	(void)state;
	assert_true(selection_fits_mail(&selection, &mail));
	selection.accepted_before_wall_ms = 1000;
	assert_false(selection_fits_mail(&selection, &mail));
	selection.accepted_before_wall_ms = 1001;
	assert_true(selection_fits_mail(&selection, &mail));
	selection.tenant = BYTES("other");
	assert_false(selection_fits_mail(&selection, &mail));
}

static void test_domains_are_compared_in_their_canonical_form(void **state)
{
	const struct selection selection = {.domain = BYTES("x.example")};
	(void)state;
	assert_true(selection_fits_recipient(&selection,
					     &(struct recipient){.address = BYTES("a@X.Example")}));
	assert_false(selection_fits_recipient(
		&selection, &(struct recipient){.address = BYTES("a@y.x.example")}));
	assert_false(
		selection_fits_recipient(&selection, &(struct recipient){.address = BYTES("a")}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_queue_holds_its_site_and_a_tail_all_others),
		cmocka_unit_test(test_all_that_is_said_must_fit),
		cmocka_unit_test(test_domains_are_compared_in_their_canonical_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
