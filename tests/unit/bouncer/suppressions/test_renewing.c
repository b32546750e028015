/* What is appended of a suppression when the table would lose it: on a real store, with the ledger's rows and the copy's. */
#include "tests/store_fixture.h"

#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/renewing.h"

#define NOW INT64_C(1800000000000)

static const char *const databases[] = {LEDGER_DATABASES};

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	struct arena *arena;
	int own;
	struct suppression row;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	f->arena = arena_new();
	assert_int_equal(store_open(f->directory, databases, sizeof databases / sizeof databases[0],
				    &f->store, NULL),
			 OK);
	f->own = store_database(f->store, LEDGER_DATABASE);
	f->row = (struct suppression){.address = BYTES("ann@x.test"),
				      .tenant = BYTES("shop"),
				      .stream = BYTES("news"),
				      .reason = BYTES("hard"),
				      .origin = BYTES("bounce"),
				      .evidence = BYTES("550 no such user"),
				      .created_wall_ms = NOW - 5,
				      .version = NOW};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	store_close(&f->store);
	loop_free(&f->loop);
	arena_free(&f->arena);
	directory_remove(f->directory);
	free(f);
	return 0;
}

static struct bytes encoded(struct fixture *f)
{
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	assert_int_equal(suppression_encode(&f->row, &value), OK);
	struct bytes copy = arena_copy(f->arena, buf_bytes(&value));
	buf_done(&value);
	return copy;
}

static enum err write_row(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	uint8_t key[SUPPRESSION_KEY_MAX];
	return store_put(txn, f->own, bytes_from(key, suppression_entry_key(&f->row, key)),
			 encoded(f));
}

static void on_written(void *owner, enum err err)
{
	struct fixture *f = owner;
	assert_int_equal(err, OK);
	loop_stop(f->loop);
}

static void ledger_has_it(struct fixture *f)
{
	store_write(f->store, write_row, f->loop, on_written, f);
	loop_run(f->loop);
}

/* Of the row as a copy has it. */
static enum renewal judge(struct fixture *f, uint64_t version, struct suppression *ret)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct bytes value = suppression_slim(f->arena, encoded(f));
	const struct table_entry row = {.key = bytes_from(key, suppression_entry_key(&f->row, key)),
					.value = value,
					.version = version};
	struct store_txn *txn = store_read_begin(f->store);
	enum renewal judged = renewing_judge(txn, f->own, f->arena, NOW, &row, &value);
	assert_int_equal(suppression_decode(f->arena, value, ret, NULL), OK);
	store_read_end(&txn);
	return judged;
}

static void test_the_ledgers_own_is_whole(void **state)
{
	struct fixture *f = *state;
	struct suppression renewed;
	ledger_has_it(f);
	assert_int_equal(judge(f, NOW, &renewed), RENEWAL_DUE);
	assert_true(bytes_is(renewed.evidence, "550 no such user"));
	assert_true(bytes_is(renewed.tenant, "shop"));
}

static void test_of_anothers_the_key_tells_whose_it_is(void **state)
{
	struct fixture *f = *state;
	struct suppression renewed;
	assert_int_equal(judge(f, NOW, &renewed), RENEWAL_LATE);
	assert_true(bytes_is(renewed.address, "ann@x.test"));
	assert_true(bytes_is(renewed.tenant, "shop"));
	assert_true(bytes_is(renewed.stream, "news"));
	assert_true(bytes_is(renewed.reason, "hard"));
	ledger_has_it(f); /* an older one: another bouncer knows better */
	assert_int_equal(judge(f, NOW + 1, &renewed), RENEWAL_LATE);
}

static void test_what_is_over_is_not_appended_again(void **state)
{
	struct fixture *f = *state;
	struct suppression renewed;
	f->row.expires_wall_ms = NOW;
	assert_int_equal(judge(f, NOW, &renewed), RENEWAL_NONE);
	ledger_has_it(f);
	assert_int_equal(judge(f, NOW, &renewed), RENEWAL_NONE);
	f->row.expires_wall_ms = NOW + 1;
	ledger_has_it(f);
	assert_int_equal(judge(f, NOW, &renewed), RENEWAL_DUE);
	assert_int_equal(judge(f, NOW - 1, &renewed), RENEWAL_NONE); /* a later one is on its way */
	f->row.is_removed = true;
	ledger_has_it(f);
	assert_int_equal(judge(f, NOW, &renewed), RENEWAL_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_the_ledgers_own_is_whole),
		TEST(test_of_anothers_the_key_tells_whose_it_is),
		TEST(test_what_is_over_is_not_appended_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
