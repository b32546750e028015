/* A replica on a real store and a table of the test's own: order of versions, tombstones, positions, and what a restart repeats.
 * The three table calls of broker.h are defined here, so that the test is the broker. */
#include "tests/store_fixture.h"

#include "broker/replica.h"
#include "broker/suppressions.h"

static const char *const databases[] = {REPLICA_DATABASES};

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	int table;
	struct replica *replica;
	unsigned caught_up_count;
};

/* ---- the broker ---- */

struct table_follower {
	const struct table_handler *handler;
	void *owner;
	uint64_t from;
};

static struct table_follower *follower;
static unsigned followings;
static struct loop *stops_at_following;

struct table_follower *table_follow(struct broker *broker, const char *table, uint64_t position,
				    const struct table_handler *handler, void *owner)
{
	(void)broker;
	assert_string_equal(table, "suppressions");
	assert_null(follower);
	follower = calloc(1, sizeof *follower);
	*follower = (struct table_follower){handler, owner, position};
	followings++;
	if (stops_at_following)
		loop_stop(stops_at_following);
	return follower;
}

void table_follower_free(struct table_follower **freeing)
{
	if (*freeing)
		follower = NULL;
	free(*freeing);
	*freeing = NULL;
}

/* value NULL: removed */
static void table_gives(uint64_t position, const char *key, uint64_t version, const char *value)
{
	struct table_entry entry = {
		.key = bytes_of(key), .value = bytes_of(value), .version = version};
	follower->handler->entry(follower->owner, &entry, position);
}

static void table_ends(void)
{
	follower->handler->caught_up(follower->owner);
}

/* ---- the replica ---- */

static void on_caught_up(void *owner)
{
	struct fixture *f = owner;
	f->caught_up_count++;
	loop_stop(f->loop);
}

static void start(struct fixture *f)
{
	assert_int_equal(store_open(f->directory, databases, sizeof databases / sizeof databases[0],
				    &f->store, NULL),
			 OK);
	f->table = store_database(f->store, "table.suppressions");
	f->replica = replica_new(NULL, f->loop, f->store, "suppressions", on_caught_up, f);
}

static void end(struct fixture *f)
{
	replica_free(&f->replica);
	store_close(&f->store);
}

static void catch_up(struct fixture *f)
{
	table_ends();
	loop_run(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	followings = 0;
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	end(f);
	loop_free(&f->loop);
	directory_remove(f->directory);
	free(f);
	return 0;
}

static void assert_value(struct fixture *f, const char *key, const char *expected)
{
	uint8_t out[16];
	size_t len = 0;
	enum err err = replica_get(f->replica, bytes_of(key), out, sizeof out, &len);
	if (!expected) {
		assert_int_equal(err, E_NOT_FOUND);
		return;
	}
	assert_int_equal(err, OK);
	assert_true(bytes_is(bytes_from(out, len), expected));
}

/* ---- tests ---- */

static void test_entries_are_there_when_the_replica_says_it_is_complete(void **state)
{
	struct fixture *f = *state;
	assert_false(replica_is_complete(f->replica));
	table_gives(0, "a", 1, "one");
	table_gives(1, "b", 1, "two");
	catch_up(f);
	assert_true(replica_is_complete(f->replica));
	assert_int_equal(f->caught_up_count, 1);
	assert_value(f, "a", "one");
	assert_value(f, "b", "two");
	assert_value(f, "c", NULL);
}

static void test_an_empty_table_is_complete(void **state)
{
	struct fixture *f = *state;
	catch_up(f);
	assert_true(replica_is_complete(f->replica));
	assert_int_equal(followings, 1);
}

static void test_the_highest_version_counts_in_any_order(void **state)
{
	static const struct {
		uint64_t first_version, second_version;
		const char *first, *second, *expected;
	} cases[] = {
		{1, 2, "old", "new", "new"},	   {2, 1, "new", "old", "new"},
		{1, 1, "first", "again", "first"}, {1, 2, "old", NULL, NULL},
		{2, 1, NULL, "old", NULL},	   {1, 2, NULL, "new", "new"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char key[16];
		snprintf(key, sizeof key, "key-%zu", i);
		table_gives(2 * i, key, cases[i].first_version, cases[i].first);
		table_gives(2 * i + 1, key, cases[i].second_version, cases[i].second);
		catch_up(f);
		assert_value(f, key, cases[i].expected);
	}
}

static void test_a_removed_key_is_not_resurrected_after_a_restart(void **state)
{
	struct fixture *f = *state;
	table_gives(0, "a", 5, "one");
	table_gives(1, "a", 6, NULL);
	catch_up(f);
	end(f);
	start(f);
	table_gives(0, "a", 5, "one");
	catch_up(f);
	assert_value(f, "a", NULL);
}

static void test_following_goes_on_where_it_stood(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(follower->from, 0);
	table_gives(41, "a", 1, "one");
	table_gives(42, "b", 1, "two");
	catch_up(f);
	end(f);
	start(f);
	assert_int_equal(follower->from, 42);
	table_gives(42, "b", 1, "two");
	catch_up(f);
	assert_int_equal(followings, 2);
	assert_value(f, "a", "one");
}

static void test_a_table_that_was_made_anew_is_followed_from_its_beginning(void **state)
{
	struct fixture *f = *state;
	table_gives(42, "a", 1, "one");
	catch_up(f);
	end(f);
	start(f);
	f->caught_up_count = 0;
	table_ends(); /* nothing at 42 or later */
	stops_at_following = f->loop;
	loop_run(f->loop);
	stops_at_following = NULL;
	assert_int_equal(followings, 3);
	assert_int_equal(follower->from, 0);
	assert_int_equal(f->caught_up_count, 0);
	table_gives(3, "b", 2, "two");
	catch_up(f);
	assert_value(f, "a", "one");
	assert_value(f, "b", "two");
	end(f);
	start(f);
	assert_int_equal(follower->from, 3);
}

static void test_a_table_that_lost_all_is_at_its_beginning_and_the_copy_stays(void **state)
{
	struct fixture *f = *state;
	table_gives(42, "a", 1, "one");
	catch_up(f);
	end(f);
	start(f);
	table_ends();
	stops_at_following = f->loop;
	loop_run(f->loop);
	stops_at_following = NULL;
	catch_up(f); /* nothing from 0 on either */
	assert_value(f, "a", "one");
	end(f);
	start(f);
	assert_int_equal(follower->from, 0);
}

static void test_entries_that_cannot_be_kept_are_passed_over(void **state)
{
	struct fixture *f = *state;
	static char long_key[STORE_KEY_MAX + 2], long_value[REPLICA_VALUE_MAX + 2];
	memset(long_key, 'k', sizeof long_key - 1);
	memset(long_value, 'v', sizeof long_value - 1);
	table_gives(0, "", 1, "one");
	table_gives(1, long_key, 1, "one");
	table_gives(2, "a", 1, long_value);
	table_gives(3, "b", 1, "one");
	catch_up(f);
	assert_value(f, "a", NULL);
	assert_value(f, "b", "one");
}

static void test_a_process_that_lags_undoes_nothing(void **state)
{
	struct fixture *f = *state;
	table_gives(10, "a", 10, "ten");
	catch_up(f);
	table_gives(9, "a", 9, "nine"); /* as another process of this host would apply it */
	catch_up(f);
	assert_value(f, "a", "ten");
}

/* ---- look-ups of suppressions ---- */

static void table_suppresses(uint64_t position, const char *address, int64_t expires_wall_ms)
{
	struct suppression suppression = {.address = bytes_of(address),
					  .reason = BYTES("manual"),
					  .origin = BYTES("operator"),
					  .created_wall_ms = 1,
					  .expires_wall_ms = expires_wall_ms,
					  .version = position + 1};
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	assert_int_equal(suppression_encode(&suppression, &value), OK);
	struct table_entry entry = {
		.value = buf_bytes(&value),
		.version = suppression.version,
		.key = bytes_from(
			key, suppression_key(BYTES_NONE, BYTES_NONE, suppression.address, key)),
	};
	follower->handler->entry(follower->owner, &entry, position);
	buf_done(&value);
}

static void test_an_address_is_suppressed_in_every_spelling_until_it_expires(void **state)
{
	static const struct {
		const char *address;
		int64_t wall_ms;
		enum err expected;
	} cases[] = {
		{"ann@x.example", 500, OK},	  {"Ann@X.EXAMPLE", 500, OK},
		{"\"ann\"@x.example", 500, OK},	  {"ann@x.example", 1000, E_NOT_FOUND},
		{"bob@x.example", 1000000, OK},	  {"eve@x.example", 500, E_NOT_FOUND},
		{"no address", 500, E_MALFORMED},
	};
	struct fixture *f = *state;
	table_suppresses(0, "ann@x.example", 1000);
	table_suppresses(1, "bob@x.example", 0);
	catch_up(f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena *arena = arena_new();
		struct suppression found;
		const struct mail_owner whose = {.tenant = BYTES("acme")};
		enum err err = suppressions_find(f->replica, &whose, bytes_of(cases[i].address),
						 cases[i].wall_ms, arena, &found);
		assert_int_equal(err, cases[i].expected);
		if (!err)
			assert_true(bytes_is(found.reason, "manual"));
		arena_free(&arena);
	}
}

/* ---- what ended long ago ---- */

#define KEPT REPLICA_ENDED_KEPT_MS
#define LATE (3 * KEPT) /* a version from which the horizon is 2 * KEPT */

static bool is_row(struct fixture *f, const char *key)
{
	struct bytes stored;
	struct store_txn *txn = store_read_begin(f->store);
	enum err err = store_get(txn, f->table, bytes_of(key), &stored);
	store_read_end(&txn);
	return err == OK;
}

/* Until that row is gone; NULL: for a while. */
static void purge(struct fixture *f, const char *key)
{
	replica_purge_now(f->replica);
	run_for(f->loop, 100);
	for (int i = 0; i < 200 && key && is_row(f, key); i++)
		run_for(f->loop, 50);
}

static void test_removals_are_deleted_when_they_are_old(void **state)
{
	struct fixture *f = *state;
	table_gives(0, "old", KEPT, "one");
	table_gives(1, "old", KEPT + 1, NULL);
	table_gives(2, "stays", KEPT, "two");
	table_gives(3, "late", LATE, NULL);
	catch_up(f);
	assert_true(is_row(f, "old"));
	purge(f, "old");
	assert_false(is_row(f, "old"));
	assert_true(is_row(f, "late"));
	assert_value(f, "stays", "two");
}

static void test_what_was_deleted_does_not_come_back_when_it_comes_again(void **state)
{
	struct fixture *f = *state;
	table_gives(0, "old", KEPT, "one");
	table_gives(1, "old", KEPT + 1, NULL);
	table_gives(2, "late", LATE, "two");
	catch_up(f);
	purge(f, "old");
	table_gives(0, "old", KEPT, "one"); /* connected again: the last entries are read again */
	catch_up(f);
	assert_value(f, "old", NULL);
	end(f);
	start(f);
	table_gives(0, "old", KEPT, "one");
	catch_up(f);
	assert_value(f, "old", NULL);
	table_gives(3, "old", LATE + 1, "anew");
	catch_up(f);
	assert_value(f, "old", "anew");
}

/* Of another table nothing was seen before. */
static void test_old_entries_of_a_table_that_was_made_anew_count(void **state)
{
	struct fixture *f = *state;
	table_gives(50000, "removed", KEPT, NULL);
	table_gives(50001, "late", LATE, "two");
	catch_up(f);
	purge(f, "removed");
	table_gives(0, "other", KEPT, "one");
	catch_up(f);
	assert_value(f, "other", "one");
}

static void test_a_table_without_a_late_entry_keeps_its_removals(void **state)
{
	struct fixture *f = *state;
	table_gives(0, "old", KEPT, NULL);
	catch_up(f);
	purge(f, NULL);
	assert_true(is_row(f, "old"));
}

/* ---- a selection ---- */

static struct bytes keep_what_begins_with_k(void *owner, struct arena *arena, struct bytes value)
{
	(void)owner, (void)arena;
	return value.data[0] == 'k' ? value : BYTES_NONE;
}

static void on_selection_changed(void *owner)
{
	(void)owner;
}

static void on_selection_failed(void *owner, enum err err)
{
	(void)owner;
	assert_int_equal(err, OK);
}

static void test_a_selection_has_rows_only_of_what_was_kept(void **state)
{
	struct fixture *f = *state;
	const struct replica_selection selection = {keep_what_begins_with_k, on_selection_changed,
						    on_caught_up, on_selection_failed, f};
	replica_free(&f->replica);
	f->replica = replica_select(NULL, f->loop, f->store, "suppressions", &selection);
	table_gives(0, "a", 1, "kept");
	table_gives(1, "b", 1, "other");
	table_gives(2, "c", 1, NULL);
	table_gives(3, "d", 1, "kept, then not");
	catch_up(f);
	assert_value(f, "a", "kept");
	assert_false(is_row(f, "b"));
	assert_false(is_row(f, "c"));
	table_gives(4, "d", 2, "other");
	table_gives(5, "a", 2, NULL);
	catch_up(f);
	assert_value(f, "a", NULL);
	assert_value(f, "d", NULL);
	assert_true(is_row(f, "d"));
}

/* ---- a table that comes faster than it can be written ---- */

static void test_a_flood_is_taken_in_parts_and_nothing_is_missed(void **state)
{
	enum { FLOOD = 20000 };
	struct fixture *f = *state;
	static char value[4000];
	char key[16];
	uint64_t next = 1;
	unsigned rounds = 0;
	memset(value, 'v', sizeof value - 1);
	while (next <= FLOOD) {
		for (int i = 0; i < 10000 && follower && next <= FLOOD; i++, next++) {
			snprintf(key, sizeof key, "key-%05u", (unsigned)next);
			table_gives(next, key, next, value);
		}
		run_for(f->loop, 1);
		if (follower && follower->from > 0 && followings > 1 + rounds) {
			rounds = followings - 1;
			next = follower->from; /* from there on it is given again */
		}
	}
	while (!follower)
		run_for(f->loop, 5);
	catch_up(f);
	assert_true(followings > 1);
	assert_true(replica_is_complete(f->replica));
	for (unsigned i = 1; i <= FLOOD; i++) {
		snprintf(key, sizeof key, "key-%05u", i);
		assert_true(is_row(f, key));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_entries_are_there_when_the_replica_says_it_is_complete),
		TEST(test_an_empty_table_is_complete),
		TEST(test_the_highest_version_counts_in_any_order),
		TEST(test_a_removed_key_is_not_resurrected_after_a_restart),
		TEST(test_following_goes_on_where_it_stood),
		TEST(test_a_table_that_was_made_anew_is_followed_from_its_beginning),
		TEST(test_a_table_that_lost_all_is_at_its_beginning_and_the_copy_stays),
		TEST(test_entries_that_cannot_be_kept_are_passed_over),
		TEST(test_a_process_that_lags_undoes_nothing),
		TEST(test_an_address_is_suppressed_in_every_spelling_until_it_expires),
		TEST(test_removals_are_deleted_when_they_are_old),
		TEST(test_what_was_deleted_does_not_come_back_when_it_comes_again),
		TEST(test_old_entries_of_a_table_that_was_made_anew_count),
		TEST(test_a_table_without_a_late_entry_keeps_its_removals),
		TEST(test_a_selection_has_rows_only_of_what_was_kept),
		TEST(test_a_flood_is_taken_in_parts_and_nothing_is_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
