/* What a bouncer tells of one address: on a real store, with rows of the ledger and of the copy of the table; and as bytes. */
#include "tests/store_fixture.h"

#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/standing.h"

#define NOW INT64_C(1800000000000)

static const char *const databases[] = {LEDGER_DATABASES};

struct fixture {
	struct store_base base;
	struct arena *arena;
	struct ledger_databases databases;
	/* to be written */
	struct suppression row;
	bool is_of_table;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	store_base_open(&f->base, databases, sizeof databases / sizeof databases[0]);
	f->arena = arena_new();
	f->databases.own = store_database(f->base.store, LEDGER_DATABASE);
	f->databases.table = store_database(f->base.store, "table.suppressions");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	store_base_close(&f->base);
	free(f);
	return 0;
}

static enum err put_row(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct bytes at = bytes_from(key, suppression_entry_key(&f->row, key));
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	enum err err = suppression_encode(&f->row, &value);
	struct bytes slim = suppression_slim(f->arena, buf_bytes(&value));
	const struct table_entry entry = {.key = at,
					  .value = f->row.is_removed ? BYTES_NONE : slim,
					  .version = f->row.version};
	if (!err && f->is_of_table)
		err = replica_apply(txn, f->databases.table, &entry);
	else if (!err)
		err = store_put(txn, f->databases.own, at, buf_bytes(&value));
	buf_done(&value);
	return err;
}

static void put(struct fixture *f, bool is_of_table, struct suppression row)
{
	f->row = row;
	f->row.reason = BYTES("manual");
	f->row.origin = BYTES("operator");
	f->row.evidence = BYTES("ann");
	f->is_of_table = is_of_table;
	store_base_write(&f->base, put_row, f);
}

static struct standing find(struct fixture *f, const char *tenant, const char *stream,
			    const char *address)
{
	const struct standing_place place = {bytes_of(tenant), bytes_of(stream), address};
	struct standing standing;
	struct store_txn *txn = store_read_begin(f->base.store);
	enum err err = standing_find(txn, &f->databases, &place, NOW, f->arena, &standing);
	store_read_end(&txn);
	assert_int_equal(err, OK);
	return standing;
}

static struct standing at(struct fixture *f, const char *tenant, const char *address)
{
	const struct standing_place place = {.tenant = bytes_of(tenant), .address = address};
	struct standing standing;
	struct store_txn *txn = store_read_begin(f->base.store);
	enum err err = standing_at(txn, &f->databases, &place, f->arena, &standing);
	store_read_end(&txn);
	assert_int_equal(err, OK);
	return standing;
}

/* ---- what is found ---- */

static void test_the_narrowest_in_force_is_found(void **state)
{
	struct fixture *f = *state;
	struct suppression row = {.address = BYTES("a@x.test"), .version = 1};
	put(f, false, row);
	row.tenant = BYTES("acme");
	put(f, false, row);
	row.stream = BYTES("bulk");
	row.expires_wall_ms = NOW;
	put(f, false, row);
	assert_true(bytes_is(find(f, "acme", "bulk", "a@x.test").entry.tenant, "acme"));
	assert_int_equal(find(f, "acme", "bulk", "a@x.test").entry.stream.len, 0);
	assert_int_equal(find(f, "other", "bulk", "a@x.test").entry.tenant.len, 0);
	assert_true(find(f, "other", "", "a@x.test").is_known);
	assert_false(find(f, "acme", "bulk", "b@x.test").is_known);
}

static void test_a_removal_and_a_held_entry_stop_no_mail(void **state)
{
	struct fixture *f = *state;
	put(f, false, (struct suppression){.address = BYTES("a@x.test"), .is_removed = true});
	put(f, false, (struct suppression){.address = BYTES("b@x.test"), .is_held = true});
	assert_false(find(f, "", "", "a@x.test").is_known);
	assert_false(find(f, "", "", "b@x.test").is_known);
	struct standing removal = at(f, "", "a@x.test");
	assert_true(removal.is_known && !standing_is_in_force(&removal, NOW));
}

static void test_a_digest_and_an_address_without_its_tag_are_found(void **state)
{
	struct fixture *f = *state;
	char forms[FORM_COUNT][SUPPRESSION_ADDRESS_SIZE];
	assert_int_equal(suppression_forms("a+news@x.test", forms), FORM_COUNT);
	put(f, false, (struct suppression){.address = BYTES("a@x.test")});
	assert_false(find(f, "", "", "a+news@x.test").is_known);
	put(f, false, (struct suppression){.address = BYTES("a@x.test"), .covers_tags = true});
	assert_true(find(f, "", "", "a+news@x.test").is_known);
	assert_false(at(f, "", "a+news@x.test").is_known);
	put(f, false, (struct suppression){.address = bytes_of(forms[FORM_DIGEST])});
	assert_true(bytes_is(find(f, "", "", "a+news@x.test").entry.address, forms[FORM_DIGEST]));
	assert_true(find(f, "", "", forms[FORM_DIGEST]).is_known);
}

static void test_the_later_of_ledger_and_table_counts(void **state)
{
	struct fixture *f = *state;
	struct suppression row = {.address = BYTES("a@x.test"), .tenant = BYTES("acme")};
	row.version = 5;
	put(f, false, row);
	struct standing own = at(f, "acme", "a@x.test");
	assert_true(own.is_own && !own.is_in_table && bytes_is(own.entry.evidence, "ann"));
	put(f, true, row);
	own = at(f, "acme", "a@x.test");
	assert_true(own.is_own && own.is_in_table);
	row.version = 6;
	put(f, true, row);
	struct standing other = at(f, "acme", "a@x.test");
	assert_true(other.is_known && !other.is_own && other.is_in_table);
	assert_true(bytes_is(other.entry.tenant, "acme") && other.entry.evidence.len == 0);
	row.version = 7;
	row.is_removed = true;
	put(f, true, row);
	assert_false(find(f, "acme", "", "a@x.test").is_known);
	assert_true(at(f, "acme", "a@x.test").entry.is_removed);
}

/* ---- answers ---- */

static void test_what_is_written_is_read(void **state)
{
	struct fixture *f = *state;
	struct buf out;
	struct standing read, standing = {
				      .is_known = true,
				      .is_in_table = true,
				      .entry = {.address = BYTES("a@x.test"),
						.reason = BYTES("complaint"),
						.version = 9},
			      };
	buf_init(&out, 1000);
	assert_int_equal(standing_write(&standing, &out), OK);
	assert_int_equal(standing_read(f->arena, buf_bytes(&out), &read), OK);
	assert_true(read.is_known && read.is_in_table && !read.is_own && !read.is_table_whole);
	assert_true(bytes_is(read.entry.reason, "complaint") && read.entry.version == 9);
	buf_clear(&out);
	standing = (struct standing){.is_table_whole = true};
	assert_int_equal(standing_write(&standing, &out), OK);
	assert_int_equal(standing_read(f->arena, buf_bytes(&out), &read), OK);
	assert_true(read.is_table_whole && !read.is_known);
	buf_done(&out);
}

static void test_what_is_no_answer_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct bytes answers[] = {BYTES_NONE, BYTES("\x10"), BYTES("\xff"),
					       BYTES("\x08more"), BYTES("\x01\xff\xff")};
	struct standing read;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		assert_int_not_equal(standing_read(f->arena, answers[i], &read), OK);
}

static void test_who_has_the_whole_table_tells_more_then_who_has_the_evidence(void **state)
{
	const struct standing none = {0}, own = {.is_known = true, .is_own = true},
			      whole = {.is_table_whole = true},
			      both = {.is_own = true, .is_table_whole = true};
	(void)state;
	assert_true(standing_tells_more(&none, &own));
	assert_true(standing_tells_more(&own, &whole));
	assert_true(standing_tells_more(&whole, &both));
	assert_false(standing_tells_more(&both, &both));
	assert_false(standing_tells_more(&whole, &own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_narrowest_in_force_is_found, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_removal_and_a_held_entry_stop_no_mail, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_a_digest_and_an_address_without_its_tag_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_later_of_ledger_and_table_counts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_is_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_answer_is_refused, setup, teardown),
		cmocka_unit_test(test_who_has_the_whole_table_tells_more_then_who_has_the_evidence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
