/* What is appended to a table again before the broker cuts it off. The calls of broker.h are defined here. */
#include "tests/store_fixture.h"

#include "broker/replica_look.h"
#include "broker/replica_renewal.h"
#include "lib/base/memory.h"

#define KEPT_MS	    1000 /* a renewal is due after half of it */
#define APPENDS_MAX 64

static const char *const databases[] = {REPLICA_DATABASES};

struct append {
	char key[16], value[16];
	uint64_t version;
	published done;
	void *owner;
};

static struct {
	struct loop *loop;
	int64_t kept_ms;
	enum broker_state state;
	enum err err; /* of appends */
	struct append appends[APPENDS_MAX];
	size_t count, confirmed;
} fake;

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
	struct replica_rows rows;
	struct replica_renewal *renewal;
	enum renewal judged;
};

int64_t table_kept_ms(const struct broker *broker, const char *table)
{
	(void)broker, (void)table;
	return fake.kept_ms;
}

enum broker_state broker_state(const struct broker *broker)
{
	(void)broker;
	return fake.state;
}

static void confirm(void *owner)
{
	(void)owner;
	while (fake.confirmed < fake.count) {
		struct append *append = &fake.appends[fake.confirmed++];
		append->done(append->owner, fake.err);
	}
}

void table_append(struct broker *broker, const char *table, const struct table_entry *entry,
		  published done, void *owner)
{
	(void)broker;
	assert_string_equal(table, "sites");
	assert_true(fake.count < APPENDS_MAX);
	struct append *append = &fake.appends[fake.count++];
	*append = (struct append){.version = entry->version, .done = done, .owner = owner};
	(void)bytes_to_cstr(entry->key, append->key, sizeof append->key);
	(void)bytes_to_cstr(entry->value, append->value, sizeof append->value);
	loop_post(fake.loop, confirm, NULL);
}

static enum renewal judge(void *owner, struct store_txn *txn, struct arena *arena,
			  const struct table_entry *row, struct bytes *value)
{
	const struct fixture *f = owner;
	(void)txn, (void)arena, (void)row;
	*value = BYTES("whole");
	return f->judged;
}

/* ---- the copy ---- */

struct writing {
	struct fixture *f;
	struct table_entry entry;
	uint64_t position;
};

static enum err write_row(void *owner, struct store_txn *txn)
{
	const struct writing *writing = owner;
	bool has_changed;
	enum err err = rows_apply(&writing->f->rows, txn, &writing->entry, writing->position, 0,
				  &has_changed);
	return err ? err : rows_set_mark(&writing->f->rows, txn, MARK_POSITION, writing->position);
}

static void on_written(void *owner, enum err err)
{
	const struct writing *writing = owner;
	assert_int_equal(err, OK);
	loop_stop(writing->f->loop);
}

/* value NULL: removed */
static void sees(struct fixture *f, uint64_t position, const char *key, uint64_t version,
		 const char *value)
{
	struct writing writing = {
		f, {.key = bytes_of(key), .value = bytes_of(value), .version = version}, position};
	store_write(f->store, write_row, f->loop, on_written, &writing);
	loop_run(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	f->judged = RENEWAL_DUE;
	memset(&fake, 0, sizeof fake);
	fake.loop = f->loop;
	fake.kept_ms = KEPT_MS;
	fake.state = BROKER_READY;
	assert_int_equal(store_open(f->directory, databases, sizeof databases / sizeof databases[0],
				    &f->store, NULL),
			 OK);
	rows_init(&f->rows, f->store, "sites");
	f->renewal = renewal_new(NULL, f->loop, f->store, "sites", judge, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	renewal_free(&f->renewal);
	store_close(&f->store);
	loop_free(&f->loop);
	directory_remove(f->directory);
	free(f);
	return 0;
}

static size_t appends_of(const char *key)
{
	size_t count = 0;
	for (size_t i = 0; i < fake.count; i++)
		count += strcmp(fake.appends[i].key, key) == 0;
	return count;
}

/* The table as it is at the start, renewed, and seen again: from here on ages are known. */
static void begin(struct fixture *f)
{
	sees(f, 1, "first", 1, "slim");
	renewal_start(f->renewal);
	run_for(f->loop, 50);
	assert_true(appends_of("first") > 0);
	sees(f, 10, "first", 1, "slim");
	run_for(f->loop, 50);
	fake.count = fake.confirmed = 0;
}

/* ---- tests ---- */

static void test_what_is_due(void **state)
{
	const struct renewal_places places = {
		.end = 100, .half = 60, .two_thirds = 40, .are_known = true};
	const struct renewal_places none = {.end = 100};
	static const struct {
		uint64_t place;
		bool is_removed, is_undercut;
		enum renewal judged;
		bool expected;
	} cases[] = {
		{60, false, false, RENEWAL_DUE, true},
		{61, false, false, RENEWAL_DUE, false},
		{60, false, false, RENEWAL_LATE, false},
		{40, false, false, RENEWAL_LATE, true},
		{10, false, false, RENEWAL_NONE, false},
		{10, true, false, RENEWAL_DUE, false},
		{90, true, true, RENEWAL_DUE, true},
		{90, false, true, RENEWAL_LATE, true},
		{90, false, true, RENEWAL_NONE, false},
		{101, false, false, RENEWAL_DUE, true}, /* of another table of this name */
		{UINT64_MAX, false, false, RENEWAL_LATE, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct replica_value row = {.place = cases[i].place,
						  .is_removed = cases[i].is_removed,
						  .is_undercut = cases[i].is_undercut};
		assert_int_equal(renewal_is_due(&row, cases[i].judged, &places), cases[i].expected);
		if (!cases[i].is_undercut)
			assert_false(renewal_is_due(&row, cases[i].judged, &none));
	}
}

static void test_an_entry_is_appended_again_when_half_of_its_time_has_gone(void **state)
{
	struct fixture *f = *state;
	begin(f);
	assert_int_equal(fake.count, 0); /* seen lately */
	run_for(f->loop, KEPT_MS);
	assert_true(appends_of("first") > 0);
	assert_int_equal(fake.appends[0].version, 1);
	assert_string_equal(fake.appends[0].value, "whole");
}

static void test_what_is_over_or_removed_is_not(void **state)
{
	struct fixture *f = *state;
	begin(f);
	sees(f, 11, "lifted", 2, NULL);
	f->judged = RENEWAL_NONE;
	run_for(f->loop, KEPT_MS);
	assert_int_equal(fake.count, 0);
	sees(f, 12, "lifted", 1, "older"); /* a bouncer appended it again before it heard */
	run_for(f->loop, KEPT_MS / 6);
	assert_true(appends_of("lifted") > 0);
	assert_string_equal(fake.appends[0].value, "");
}

static void test_ages_are_known_after_a_restart(void **state)
{
	struct fixture *f = *state;
	begin(f);
	sees(f, 11, "young", 2, "slim");
	renewal_free(&f->renewal);
	f->renewal = renewal_new(NULL, f->loop, f->store, "sites", judge, f);
	renewal_start(f->renewal);
	run_for(f->loop, KEPT_MS / 8);
	assert_int_equal(fake.count, 0);
	run_for(f->loop, KEPT_MS);
	assert_true(appends_of("young") > 0);
}

static void test_what_failed_is_tried_again(void **state)
{
	struct fixture *f = *state;
	begin(f);
	fake.err = E_TIMEOUT;
	run_for(f->loop, KEPT_MS * 3 / 4);
	assert_true(appends_of("first") > 1);
	fake.err = OK;
	fake.count = fake.confirmed = 0;
	run_for(f->loop, KEPT_MS / 4);
	assert_true(appends_of("first") > 0);
}

static void test_nothing_is_done_where_nothing_is_cut_or_nobody_is_there(void **state)
{
	struct fixture *f = *state;
	begin(f);
	fake.state = BROKER_AWAY;
	run_for(f->loop, KEPT_MS);
	fake.state = BROKER_READY;
	run_for(f->loop, KEPT_MS / 4);
	assert_int_equal(fake.count,
			 0); /* the copy may be far behind: until it is known to be complete */
	renewal_start(f->renewal);
	run_for(f->loop, KEPT_MS / 4);
	assert_true(appends_of("first") > 0);
	renewal_stop(f->renewal);
	fake.count = fake.confirmed = 0;
	fake.kept_ms = 0;
	renewal_start(f->renewal);
	run_for(f->loop, KEPT_MS);
	assert_int_equal(fake.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_due),
		TEST(test_an_entry_is_appended_again_when_half_of_its_time_has_gone),
		TEST(test_what_is_over_or_removed_is_not),
		TEST(test_ages_are_known_after_a_restart),
		TEST(test_what_failed_is_tried_again),
		TEST(test_nothing_is_done_where_nothing_is_cut_or_nobody_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
