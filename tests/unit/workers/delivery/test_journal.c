/* What remote hosts took, on a real store. */
#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/journal.h"

struct desk {
	char directory[DIRECTORY_SIZE];
	struct store *store;
	struct journal *journal;
};

static void open_store(struct desk *desk)
{
	static const char *const databases[] = {JOURNAL_DATABASE};
	struct why why;
	assert_int_equal(store_open(desk->directory, databases, 1, &desk->store, &why), OK);
}

static int setup(void **state)
{
	static struct desk desk;
	world_open("");
	directory_make(desk.directory);
	open_store(&desk);
	desk.journal = journal_new(world.loop, desk.store);
	*state = &desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;
	journal_free(&desk->journal);
	store_close(&desk->store);
	directory_remove(desk->directory);
	world_close();
	return 0;
}

static struct journal_entry entry_at(int64_t at_wall_ms)
{
	return (struct journal_entry){
		.attempt = 3,
		.code = 250,
		.at_wall_ms = at_wall_ms,
		.enhanced = BYTES("2.0.0"),
		.text = BYTES("queued as 1"),
		.remote_host = BYTES("mx.example"),
	};
}

static void test_a_note_is_found_after_a_restart(void **state)
{
	struct desk *desk = *state;
	struct journal_entry entry = entry_at(loop_wall_ms(world.loop)), found;
	journal_note(desk->journal, BYTES("id"), BYTES("a@x.example"), &entry);
	journal_free(&desk->journal);
	desk->journal = journal_new(world.loop, desk->store);
	world_turn(0);
	assert_true(journal_find(desk->journal, BYTES("id"), BYTES("a@x.example"), world.arena,
				 &found));
	assert_int_equal(found.attempt, 3);
	assert_int_equal(found.code, 250);
	assert_int_equal(found.at_wall_ms, entry.at_wall_ms);
	assert_true(bytes_is(found.enhanced, "2.0.0"));
	assert_true(bytes_is(found.text, "queued as 1"));
	assert_true(bytes_is(found.remote_host, "mx.example"));
	assert_false(journal_find(desk->journal, BYTES("id"), BYTES("b@x.example"), world.arena,
				  &found));
	assert_false(journal_find(desk->journal, BYTES("id2"), BYTES("a@x.example"), world.arena,
				  &found));
}

static void test_what_is_to_be_forgotten_stays_when_the_broker_is_lost(void **state)
{
	struct desk *desk = *state;
	struct journal_entry entry = entry_at(loop_wall_ms(world.loop)), found;
	journal_note(desk->journal, BYTES("id"), BYTES("a@x.example"), &entry);
	journal_forget(desk->journal, BYTES("id"), BYTES("a@x.example"));
	journal_broker_lost(desk->journal);
	world_turn(50);
	assert_true(journal_find(desk->journal, BYTES("id"), BYTES("a@x.example"), world.arena,
				 &found));
}

static void test_a_start_sweeps_what_nobody_came_back_for(void **state)
{
	struct desk *desk = *state;
	int64_t day = 24 * 3600 * 1000, now = loop_wall_ms(world.loop);
	struct journal_entry old = entry_at(now - 8 * day), young = entry_at(now - 6 * day), found;
	journal_note(desk->journal, BYTES("old"), BYTES("a@x.example"), &old);
	journal_note(desk->journal, BYTES("young"), BYTES("a@x.example"), &young);
	world_turn(50);
	assert_true(journal_find(desk->journal, BYTES("old"), BYTES("a@x.example"), world.arena,
				 &found));
	journal_free(&desk->journal);
	desk->journal = journal_new(world.loop, desk->store);
	world_turn(0);
	assert_false(journal_find(desk->journal, BYTES("old"), BYTES("a@x.example"), world.arena,
				  &found));
	assert_true(journal_find(desk->journal, BYTES("young"), BYTES("a@x.example"), world.arena,
				 &found));
}

static void test_entries_of_any_size_fit_and_strange_ones_are_not_read(void **state)
{
	uint8_t long_text[2000], value[JOURNAL_VALUE_MAX];
	struct journal_entry entry = entry_at(1), found;
	(void)state;
	memset(long_text, 'x', sizeof long_text);
	entry.text = entry.enhanced = entry.remote_host = bytes_from(long_text, sizeof long_text);
	size_t len = journal_entry_encode(&entry, value);
	assert_true(len <= JOURNAL_VALUE_MAX);
	assert_true(journal_entry_decode(bytes_from(value, len), &found));
	assert_int_equal(found.text.len, 200);
	for (size_t cut = 0; cut < len; cut++)
		assert_false(journal_entry_decode(bytes_from(value, cut), &found));
	value[0] = 99;
	assert_false(journal_entry_decode(bytes_from(value, len), &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_note_is_found_after_a_restart),
		TEST(test_what_is_to_be_forgotten_stays_when_the_broker_is_lost),
		TEST(test_a_start_sweeps_what_nobody_came_back_for),
		TEST(test_entries_of_any_size_fit_and_strange_ones_are_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
