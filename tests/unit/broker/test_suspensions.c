/* What is suspended fits what it names, and the one that lasts longest is told. */
#include "tests/check.h"

#include "broker/suspensions.h"

#define NOW 1000000

struct fixture {
	struct suspensions *rows;
};

static int setup(void **state)
{
	static struct fixture f;
	f.rows = suspensions_new();
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	suspensions_free(&f->rows);
	return 0;
}

static void note(struct fixture *f, struct directive directive, uint64_t version)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	assert_int_equal(directive_encode(&directive, &value), OK);
	const struct table_entry entry = {
		.key = bytes_from(key, directive_key(&directive, key)),
		.value = buf_bytes(&value),
		.version = version,
	};
	suspensions_note(f->rows, &entry);
	buf_done(&value);
}

static bool is_found(struct fixture *f, struct suspension_subject subject)
{
	return suspensions_find(f->rows, &subject, NOW);
}

static const struct suspension_subject at_gmail = {.pool = BYTES("bulk"),
						   .site = BYTES("gmail"),
						   .tenant = BYTES("acme"),
						   .campaign = BYTES("spring")};
static const struct suspension_subject at_domain = {.pool = BYTES("bulk"),
						    .site = BYTES("x.example")};
static const struct suspension_subject from_source = {
	.pool = BYTES("bulk"), .site = BYTES("gmail"), .source = BYTES("out1")};

static void test_a_suspension_fits_all_that_it_names(void **state)
{
	const struct {
		struct directive wanted;
		bool fits_gmail, fits_domain, fits_source, stops_queues;
	} cases[] = {
		{{.pool = BYTES("bulk")}, true, true, true, true},
		{{.pool = BYTES("other")}, false, false, false, true},
		{{.site = BYTES("gmail")}, true, false, true, true},
		{{.site = BYTES("tail")}, false, true, false, true},
		{{.site = BYTES("x.example")}, false, true, false, false},
		{{.pool = BYTES("bulk"), .site = BYTES("gmail")}, true, false, true, true},
		{{.pool = BYTES("other"), .site = BYTES("gmail")}, false, false, false, true},
		{{.source = BYTES("out1")}, false, false, true, false},
		{{.source = BYTES("out1"), .site = BYTES("yahoo")}, false, false, false, false},
		{{.tenant = BYTES("acme")}, true, false, false, false},
		{{.tenant = BYTES("acme"), .campaign = BYTES("spring")}, true, false, false, false},
		{{.tenant = BYTES("acme"), .campaign = BYTES("autumn")},
		 false,
		 false,
		 false,
		 false},
		{{.campaign = BYTES("spring")}, false, false, false, false}, /* no tenant */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f = {suspensions_new()};
		struct directive directive = cases[i].wanted;
		directive.kind = DIRECTIVE_SUSPEND;
		note(&f, directive, 1);
		assert_int_equal(is_found(&f, at_gmail), cases[i].fits_gmail);
		assert_int_equal(is_found(&f, at_domain), cases[i].fits_domain);
		assert_int_equal(is_found(&f, from_source), cases[i].fits_source);
		assert_int_equal(suspension_stops_queues(suspensions_at(f.rows, 0)),
				 cases[i].stops_queues);
		suspensions_free(&f.rows);
	}
}

static void test_it_ends_with_its_time_or_by_a_resume(void **state)
{
	struct fixture *f = *state;
	struct directive directive = {
		.kind = DIRECTIVE_SUSPEND, .site = BYTES("gmail"), .until_wall_ms = NOW};
	note(f, directive, 1);
	assert_false(is_found(f, at_gmail));
	directive.until_wall_ms = NOW + 1;
	note(f, directive, 2);
	assert_true(is_found(f, at_gmail));
	directive.kind = DIRECTIVE_RESUME;
	note(f, directive, 3);
	assert_false(is_found(f, at_gmail));
	assert_null(suspensions_at(f->rows, 1)); /* all of them are one row */
}

static void test_an_older_version_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct directive directive = {.kind = DIRECTIVE_RESUME, .site = BYTES("gmail")};
	note(f, directive, 5);
	directive.kind = DIRECTIVE_SUSPEND;
	note(f, directive, 4);
	assert_false(is_found(f, at_gmail));
	note(f, directive, 6);
	assert_true(is_found(f, at_gmail));
	assert_int_equal(suspensions_same(f->rows, &directive)->version, 6);
}

static void test_the_one_that_lasts_longest_is_told(void **state)
{
	struct fixture *f = *state;
	note(f,
	     (struct directive){
		     .kind = DIRECTIVE_SUSPEND, .site = BYTES("gmail"), .until_wall_ms = NOW + 9},
	     1);
	note(f,
	     (struct directive){
		     .kind = DIRECTIVE_SUSPEND, .pool = BYTES("bulk"), .until_wall_ms = NOW + 5},
	     1);
	assert_int_equal(suspensions_find(f->rows, &at_gmail, NOW)->directive.until_wall_ms,
			 NOW + 9);
	note(f, (struct directive){.kind = DIRECTIVE_SUSPEND, .tenant = BYTES("acme")}, 1);
	assert_int_equal(suspensions_find(f->rows, &at_gmail, NOW)->directive.until_wall_ms, 0);
}

static void test_recalls_are_none(void **state)
{
	struct fixture *f = *state;
	note(f,
	     (struct directive){.kind = DIRECTIVE_RECALL,
				.tenant = BYTES("acme"),
				.campaign = BYTES("spring")},
	     1);
	assert_null(suspensions_at(f->rows, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_suspension_fits_all_that_it_names),
		cmocka_unit_test_setup_teardown(test_it_ends_with_its_time_or_by_a_resume, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_older_version_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_one_that_lasts_longest_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_recalls_are_none, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
