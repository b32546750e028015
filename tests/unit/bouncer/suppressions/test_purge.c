/* What the purge takes out of the ledger, on a real store; the one table call it makes is the test's own. */
#include "tests/store_fixture.h"

#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/purge.h"
#include "lib/base/memory.h"

#define DAY INT64_C(86400000)

static const char *const databases[] = {LEDGER_DATABASES};

struct fixture {
	struct store_base base;
	int own;
	struct purge *purge;
	int64_t now;
	struct suppression row; /* to be written */
};

/* ---- the broker ---- */

static struct {
	struct loop *loop;
	bool keeps_all;
	enum err err;
	size_t asked;
	char last[100];
	published done;
} table;

static void answer(void *owner)
{
	table.done(owner, table.err);
}

bool table_forget(struct broker *broker, const char *name, struct bytes key, uint64_t version,
		  published done, void *owner)
{
	(void)broker, (void)version;
	assert_string_equal(name, "suppressions");
	if (table.keeps_all)
		return false;
	table.asked++;
	assert_true(bytes_to_cstr(bytes_skip(key, 2), table.last, sizeof table.last));
	table.done = done;
	loop_post(table.loop, answer, owner);
	return true;
}

/* Nobody follows here: the linker asks for them. */
struct table_follower *table_follow(struct broker *broker, const char *name, uint64_t position,
				    const struct table_handler *handler, void *owner)
{
	(void)broker, (void)name, (void)position, (void)handler, (void)owner;
	assert_true(false);
	return NULL;
}

void table_follower_free(struct table_follower **follower)
{
	(void)follower;
	assert_true(false);
}

/* ---- the store ---- */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	store_base_open(&f->base, databases, sizeof databases / sizeof databases[0]);
	f->now = loop_wall_ms(f->base.loop);
	memset(&table, 0, sizeof table);
	table.loop = f->base.loop;
	f->own = store_database(f->base.store, LEDGER_DATABASE);
	f->purge = purge_new(NULL, f->base.loop, f->base.store);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	purge_free(&f->purge);
	store_base_close(&f->base);
	free(f);
	return 0;
}

static enum err put_row(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	enum err err = suppression_encode(&f->row, &value);
	if (!err)
		err = store_put(txn, f->own, bytes_from(key, suppression_entry_key(&f->row, key)),
				buf_bytes(&value));
	buf_done(&value);
	return err;
}

/* Written so many days ago; it expires that many days from now. */
static void put(struct fixture *f, const char *address, int64_t age, int64_t expires_in,
		bool is_removed)
{
	f->row = (struct suppression){
		.address = bytes_of(address),
		.reason = BYTES("manual"),
		.origin = BYTES(ORIGIN_OPERATOR),
		.created_wall_ms = f->now - age * DAY,
		.expires_wall_ms = expires_in ? f->now + expires_in * DAY : 0,
		.version = (uint64_t)(f->now - age * DAY),
		.is_removed = is_removed,
	};
	store_base_write(&f->base, put_row, f);
}

static bool has(struct fixture *f, const char *address)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct bytes stored;
	size_t len = suppression_key(BYTES_NONE, BYTES_NONE, bytes_of(address), key);
	struct store_txn *txn = store_read_begin(f->base.store);
	enum err err = store_get(txn, f->own, bytes_from(key, len), &stored);
	store_read_end(&txn);
	return err == OK;
}

static void pass(struct fixture *f, int64_t ms)
{
	run_for(f->base.loop, ms);
	store_drain(f->base.loop);
}

/* Until that entry is gone; NULL: for a while. */
static void purge(struct fixture *f, const char *address)
{
	purge_now(f->purge);
	pass(f, 100);
	for (int i = 0; i < 200 && address && has(f, address); i++)
		pass(f, 50);
}

/* ---- tests ---- */

static void test_only_what_ended_long_ago_is_deleted(void **state)
{
	static const struct {
		const char *address;
		int64_t age, expires_in;
		bool is_removed, stays;
	} cases[] = {
		{"for-ever@x.test", 1000, 0, false, true},
		{"lifted@x.test", 181, 0, true, false},
		{"lifted-late@x.test", 179, 0, true, true},
		{"expired@x.test", 400, -181, false, false},
		{"expired-late@x.test", 400, -179, false, true},
		{"expires@x.test", 400, 10, false, true},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		put(f, cases[i].address, cases[i].age, cases[i].expires_in, cases[i].is_removed);
	purge(f, "lifted@x.test");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(has(f, cases[i].address), cases[i].stays);
	assert_int_equal(table.asked, 2);
}

static void test_nothing_is_deleted_that_the_table_did_not_forget(void **state)
{
	struct fixture *f = *state;
	put(f, "lifted@x.test", 181, 0, true);
	table.err = E_AWAY;
	purge(f, NULL);
	assert_true(has(f, "lifted@x.test"));
	table.err = OK;
	purge(f, "lifted@x.test");
	assert_string_equal(table.last, "lifted@x.test");
	assert_false(has(f, "lifted@x.test"));
}

static void test_of_a_table_that_keeps_all_the_ledger_forgets_alone(void **state)
{
	struct fixture *f = *state;
	table.keeps_all = true;
	put(f, "lifted@x.test", 181, 0, true);
	purge(f, "lifted@x.test");
	assert_false(has(f, "lifted@x.test"));
}

static void test_a_ledger_of_many_steps_is_walked_to_its_end(void **state)
{
	struct fixture *f = *state;
	char address[40];
	for (int i = 0; i < 450; i++) {
		snprintf(address, sizeof address, "lifted-%03d@x.test", i);
		put(f, address, 181, 0, true);
	}
	put(f, "z@x.test", 181, 0, false);
	purge(f, "lifted-449@x.test");
	assert_false(has(f, "lifted-000@x.test"));
	assert_false(has(f, "lifted-449@x.test"));
	assert_true(has(f, "z@x.test"));
	assert_int_equal(table.asked, 450);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_only_what_ended_long_ago_is_deleted),
		TEST(test_nothing_is_deleted_that_the_table_did_not_forget),
		TEST(test_of_a_table_that_keeps_all_the_ledger_forgets_alone),
		TEST(test_a_ledger_of_many_steps_is_walked_to_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
