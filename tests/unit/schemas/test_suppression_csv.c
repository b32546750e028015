/* Lines of CSV from people and from other systems. */
#include <stdlib.h>

#include "tests/check.h"

#include "lib/base/clock.h"
#include "schemas/suppression_csv.h"

struct fixture {
	struct arena *arena;
	struct suppression_csv csv;
	struct suppression entry;
	struct why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->arena = arena_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	free(f);
	return 0;
}

static enum err read_line(struct fixture *f, const char *line)
{
	return suppression_csv_read(&f->csv, f->arena, bytes_of(line), &f->entry, &f->why);
}

static void test_without_names_the_first_column_is_the_address(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(read_line(f, "ann@x.example,whatever\r\n"), OK);
	assert_true(bytes_is(f->entry.address, "ann@x.example"));
	assert_int_equal(f->entry.reason.len, 0);
	assert_int_equal(read_line(f, "\n"), E_NOT_FOUND);
	assert_int_equal(read_line(f, "bob@x.example"), OK);
}

static void test_names_may_come_in_any_order_and_unknown_ones_are_passed_over(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(read_line(f, "\xef\xbb\xbf"
				      "Reason,color,Email,created"),
			 E_NOT_FOUND);
	assert_int_equal(
		read_line(f, "complaint,red,\"a \"\"b\"\"@x.example\",2026-01-02T03:04:05Z"), OK);
	assert_true(bytes_is(f->entry.address, "a \"b\"@x.example"));
	assert_true(bytes_is(f->entry.reason, "complaint"));
	assert_int_equal(f->entry.created_wall_ms, 1767323045000);
}

static void test_faults_are_told(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(read_line(f, "address,created"), E_NOT_FOUND);
	assert_int_equal(read_line(f, "a@x.example,yesterday"), E_MALFORMED);
	assert_int_equal(read_line(f, "\"a@x.example,2026-01-02T03:04:05Z"), E_MALFORMED);
	assert_int_equal(read_line(f, "\"a@x.example\"x,"), E_MALFORMED);
	assert_int_equal(read_line(f, ",2026-01-02T03:04:05Z"), E_MALFORMED);
	assert_int_equal(read_line(f, "a@x.example,"), OK);
}

static void test_a_digest_is_known_by_its_form(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		read_line(f, "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"),
		OK);
	assert_true(bytes_is(
		f->entry.address,
		"sha256:973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"));
}

static void test_what_is_written_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct suppression entry = {
		.address = BYTES("ann@x.example"),
		.tenant = BYTES("acme"),
		.stream = BYTES("news"),
		.reason = BYTES("bad_mailbox"),
		.evidence = BYTES("550 \"no\", said they"),
		.message_id = BYTES("m1"),
		.created_wall_ms = 1767323045000,
		.expires_wall_ms = 1767323046000,
	};
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(suppression_csv_write(&entry, &out), OK);
	assert_int_equal(read_line(f, suppression_csv_names), E_NOT_FOUND);
	assert_int_equal(
		suppression_csv_read(&f->csv, f->arena, buf_bytes(&out), &f->entry, &f->why), OK);
	assert_true(bytes_equal(f->entry.evidence, entry.evidence));
	assert_true(bytes_equal(f->entry.tenant, entry.tenant));
	assert_true(bytes_equal(f->entry.stream, entry.stream));
	assert_int_equal(f->entry.expires_wall_ms, entry.expires_wall_ms);
	buf_done(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_without_names_the_first_column_is_the_address),
		TEST(test_names_may_come_in_any_order_and_unknown_ones_are_passed_over),
		TEST(test_faults_are_told),
		TEST(test_a_digest_is_known_by_its_form),
		TEST(test_what_is_written_is_read_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
