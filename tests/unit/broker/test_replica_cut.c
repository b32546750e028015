/* A replica of a table that the broker cuts: what it does when it was away for longer than the table goes back, and when entries come again
 * that it has. The table calls of broker.h are defined here. */
#include "tests/store_fixture.h"

#include "broker/replica_look.h"

static const char *const databases[] = {REPLICA_DATABASES};

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	struct replica_rows rows;
	struct replica *replica;
	unsigned applied_count;
};

struct table_follower {
	const struct table_handler *handler;
	void *owner;
	uint64_t from;
};

static struct table_follower *follower;
static unsigned followings;

struct table_follower *table_follow(struct broker *broker, const char *table, uint64_t position,
				    const struct table_handler *handler, void *owner)
{
	(void)broker, (void)table;
	assert_null(follower);
	follower = calloc(1, sizeof *follower);
	*follower = (struct table_follower){handler, owner, position};
	followings++;
	return follower;
}

void table_follower_free(struct table_follower **freeing)
{
	if (*freeing)
		follower = NULL;
	free(*freeing);
	*freeing = NULL;
}

static void begins(uint64_t first)
{
	follower->handler->begins(follower->owner, first);
}

/* value NULL: removed */
static void gives(uint64_t position, const char *key, uint64_t version, const char *value)
{
	struct table_entry entry = {
		.key = bytes_of(key), .value = bytes_of(value), .version = version};
	follower->handler->entry(follower->owner, &entry, position);
}

static void on_caught_up(void *owner)
{
	loop_stop(((struct fixture *)owner)->loop);
}

static void on_applied(void *owner)
{
	((struct fixture *)owner)->applied_count++;
}

static void start(struct fixture *f)
{
	assert_int_equal(store_open(f->directory, databases, sizeof databases / sizeof databases[0],
				    &f->store, NULL),
			 OK);
	rows_init(&f->rows, f->store, "sites");
	f->replica = replica_new(NULL, f->loop, f->store, "sites", on_caught_up, f);
	replica_watch(f->replica, on_applied, f);
}

static void end(struct fixture *f)
{
	replica_free(&f->replica);
	store_close(&f->store);
}

static void catch_up(struct fixture *f)
{
	follower->handler->caught_up(follower->owner);
	loop_run(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	start(f);
	gives(10, "gone", 1, "1");
	gives(11, "stays", 2, "2");
	gives(12, "lifted", 3, NULL);
	catch_up(f);
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

static void assert_there(struct fixture *f, const char *key, bool is_there)
{
	uint8_t out[16];
	size_t len;
	assert_int_equal(replica_get(f->replica, bytes_of(key), out, sizeof out, &len),
			 is_there ? OK : E_NOT_FOUND);
}

static struct replica_value row(struct fixture *f, const char *key)
{
	struct bytes stored;
	struct replica_value value;
	struct store_txn *txn = store_read_begin(f->store);
	assert_int_equal(store_get(txn, f->rows.database, bytes_of(key), &stored), OK);
	assert_int_equal(replica_parse(stored, &value), OK);
	value.value = BYTES_NONE; /* it ends with the transaction */
	store_read_end(&txn);
	return value;
}

/* Away, while the table was cut up to 500: what came at once belongs to a following that is no use. */
static void find_gap(struct fixture *f)
{
	end(f);
	start(f);
	assert_int_equal(follower->from, 12);
	begins(500);
	gives(500, "new", 50, "5");
	run_for(f->loop, 20);
	assert_int_equal(follower->from, 0);
}

/* ---- tests ---- */

static void test_a_copy_that_was_away_too_long_is_read_anew_and_swept(void **state)
{
	struct fixture *f = *state;
	find_gap(f);
	begins(500);
	gives(500, "new", 50, "5");
	gives(501, "stays", 2, "2");
	run_for(f->loop, 20);
	assert_there(f, "gone", true); /* it may come yet */
	catch_up(f);
	run_for(f->loop, 100);
	assert_there(f, "gone", false);
	assert_there(f, "stays", true);
	assert_there(f, "new", true);
	assert_int_equal(rows_mark_now(f->store, &f->rows, MARK_CUT), 0);
}

static void test_a_removal_is_not_swept(void **state)
{
	struct fixture *f = *state;
	find_gap(f);
	begins(500);
	gives(501, "lifted", 2, "late");
	catch_up(f);
	run_for(f->loop, 100);
	assert_there(f, "lifted", false);
	assert_true(row(f, "lifted").is_removed);
}

static void test_a_restart_in_between_begins_anew(void **state)
{
	struct fixture *f = *state;
	find_gap(f);
	begins(500);
	gives(500, "stays", 2, "2");
	run_for(f->loop, 20);
	end(f);
	start(f);
	assert_int_equal(follower->from, 12);
	assert_there(f, "gone", true);
}

static void test_a_cut_behind_what_was_seen_changes_nothing(void **state)
{
	struct fixture *f = *state;
	end(f);
	start(f);
	unsigned before = followings;
	begins(12);
	gives(12, "lifted", 3, NULL);
	catch_up(f);
	run_for(f->loop, 50);
	assert_int_equal(followings, before);
	assert_there(f, "gone", true);
}

static void test_a_new_host_sweeps_nothing(void **state)
{
	struct fixture *f = *state;
	struct fixture other = {.loop = f->loop};
	end(f);
	directory_make(other.directory);
	start(&other);
	begins(500);
	gives(500, "a", 1, "1");
	catch_up(&other);
	run_for(other.loop, 50);
	assert_there(&other, "a", true);
	end(&other);
	directory_remove(other.directory);
	start(f);
}

static void test_what_comes_again_is_news_to_nobody(void **state)
{
	struct fixture *f = *state;
	unsigned before = f->applied_count;
	gives(40, "stays", 2, "2");
	run_for(f->loop, 20);
	assert_int_equal(f->applied_count, before);
	assert_int_equal(row(f, "stays").place, 40);
	assert_int_equal(row(f, "stays").version, 2);
	gives(41, "stays", 3, "3");
	run_for(f->loop, 20);
	assert_int_equal(f->applied_count, before + 1);
	assert_int_equal(row(f, "stays").place, 41);
}

static void test_an_older_entry_behind_a_later_one_is_noted(void **state)
{
	struct fixture *f = *state;
	gives(40, "lifted", 2, "older");
	run_for(f->loop, 20);
	assert_there(f, "lifted", false);
	assert_true(row(f, "lifted").is_undercut);
	gives(41, "lifted", 3, NULL);
	run_for(f->loop, 20);
	assert_false(row(f, "lifted").is_undercut);
	assert_int_equal(row(f, "lifted").place, 41);
	gives(11, "lifted", 2, "older"); /* read again, from before */
	run_for(f->loop, 20);
	assert_false(row(f, "lifted").is_undercut);
}

static void test_the_longer_value_of_an_entry_stays(void **state)
{
	struct fixture *f = *state;
	uint8_t out[16];
	size_t len = 0;
	gives(40, "stays", 2, "2 and more");
	gives(41, "stays", 2, "2");
	run_for(f->loop, 20);
	assert_int_equal(replica_get(f->replica, BYTES("stays"), out, sizeof out, &len), OK);
	assert_true(bytes_is(bytes_from(out, len), "2 and more"));
	assert_int_equal(row(f, "stays").place, 41);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_copy_that_was_away_too_long_is_read_anew_and_swept),
		TEST(test_a_removal_is_not_swept),
		TEST(test_a_restart_in_between_begins_anew),
		TEST(test_a_cut_behind_what_was_seen_changes_nothing),
		TEST(test_a_new_host_sweeps_nothing),
		TEST(test_what_comes_again_is_news_to_nobody),
		TEST(test_an_older_entry_behind_a_later_one_is_noted),
		TEST(test_the_longer_value_of_an_entry_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
