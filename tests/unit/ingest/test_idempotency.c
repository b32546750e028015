/* Answers kept for asking again: the first one, for a day, and only for the same request. */
#include "tests/store_fixture.h"

#include "ingest/idempotency.h"

struct fixture {
	struct store_base base;
	struct idempotency *idempotency;
	struct arena *arena;
	struct digest key, request, other;
	struct idempotent *under_way;
	struct idempotency_answer answer;
	int kept_count;
};

static int set_up(void **state)
{
	static const char *const databases[] = {IDEMPOTENCY_DATABASE};
	struct fixture *f = calloc(1, sizeof *f);
	store_base_open(&f->base, databases, sizeof databases / sizeof databases[0]);
	f->arena = arena_new();
	f->idempotency = idempotency_new(f->base.loop, f->base.store);
	f->key = digest_of(BYTES("key"));
	f->request = digest_of(BYTES("request"));
	f->other = digest_of(BYTES("other"));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	idempotency_free(&f->idempotency);
	arena_free(&f->arena);
	store_base_close(&f->base);
	free(f);
	return 0;
}

static enum idempotency_state ask(struct fixture *f, const struct digest *request)
{
	return idempotency_begin(f->idempotency, &f->key, request, f->arena, &f->under_way,
				 &f->answer);
}

static void on_kept(void *owner)
{
	((struct fixture *)owner)->kept_count++;
}

static void test_the_first_answer_is_given_again(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_NEW);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_RUNNING);
	idempotent_keep(f->under_way, 202, BYTES("{\"id\": 1}"), on_kept, f);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_RUNNING); /* not on disk yet */
	assert_int_equal(f->kept_count, 0);
	store_drain(f->base.loop);
	assert_int_equal(f->kept_count, 1);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_REPLAY);
	assert_int_equal(f->answer.status, 202);
	assert_true(bytes_is(f->answer.body, "{\"id\": 1}"));
	assert_int_equal(ask(f, &f->other), IDEMPOTENCY_OTHER);
}

static void test_without_an_answer_the_next_is_a_first_one(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_NEW);
	idempotent_end(&f->under_way);
	assert_int_equal(ask(f, &f->other), IDEMPOTENCY_NEW);
	idempotent_end(&f->under_way);
}

static void test_who_is_gone_is_not_told_but_the_answer_is_kept(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_NEW);
	idempotent_keep(f->under_way, 202, BYTES("x"), on_kept, f);
	idempotent_end(&f->under_way);
	store_drain(f->base.loop);
	assert_int_equal(f->kept_count, 0);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_REPLAY);
}

static void test_a_request_that_failed_half_way_is_resumed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_NEW);
	idempotent_note(f->under_way, BYTES("half"), on_kept, f);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_RUNNING);
	store_drain(f->base.loop);
	assert_int_equal(f->kept_count, 1);
	assert_int_equal(ask(f, &f->other), IDEMPOTENCY_OTHER);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_RESUME);
	assert_true(bytes_is(f->answer.body, "half"));
	idempotent_keep(f->under_way, 202, BYTES("x"), on_kept, f);
	store_drain(f->base.loop);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_REPLAY);
}

/* A record of the day before yesterday, under the fixture's key. */
static enum err write_old(void *owner, struct store_txn *txn)
{
	const struct fixture *f = owner;
	uint8_t record[8 + DIGEST_SIZE + 4 + 1] = {0};
	int64_t wall_ms = loop_wall_ms(f->base.loop) - 2 * IDEMPOTENCY_KEPT_MS;
	memcpy(record, &wall_ms, 8);
	memcpy(record + 8, f->request.bytes, DIGEST_SIZE);
	return store_put(txn, store_database(f->base.store, IDEMPOTENCY_DATABASE),
			 bytes_from(f->key.bytes, DIGEST_SIZE), bytes_from(record, sizeof record));
}

static void on_old_written(void *owner, enum err err)
{
	(void)owner;
	assert_int_equal(err, OK);
}

static uint64_t count(const struct fixture *f)
{
	struct store_txn *txn = store_read_begin(f->base.store);
	uint64_t found = store_count(txn, store_database(f->base.store, IDEMPOTENCY_DATABASE));
	store_read_end(&txn);
	return found;
}

static void test_after_a_day_it_is_forgotten_and_swept(void **state)
{
	struct fixture *f = *state;
	store_write(f->base.store, write_old, f->base.loop, on_old_written, f);
	store_drain(f->base.loop);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_NEW);
	idempotent_end(&f->under_way);
	assert_int_equal(count(f), 1);
	f->key = digest_of(BYTES("another"));
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_NEW);
	idempotent_keep(f->under_way, 202, BYTES("x"), on_kept, f);
	idempotency_sweep(f->idempotency);
	store_drain(f->base.loop);
	assert_int_equal(count(f), 1);
	assert_int_equal(ask(f, &f->request), IDEMPOTENCY_REPLAY);
}

#define MANY 15000

static enum err write_many(void *owner, struct store_txn *txn)
{
	const struct fixture *f = owner;
	enum err err = OK;
	for (uint32_t i = 0; i < MANY && err == OK; i++) {
		uint8_t record[8 + DIGEST_SIZE + 4] = {0};
		int64_t wall_ms = loop_wall_ms(f->base.loop);
		if (i % 3 != 0)
			wall_ms -= IDEMPOTENCY_KEPT_MS + 60000;
		struct digest key = digest_of(bytes_from(&i, sizeof i));
		memcpy(record, &wall_ms, 8);
		err = store_put(txn, store_database(f->base.store, IDEMPOTENCY_DATABASE),
				bytes_from(key.bytes, DIGEST_SIZE),
				bytes_from(record, sizeof record));
	}
	return err;
}

static bool is_swept_within(const struct fixture *f, int64_t limit_ms)
{
	for (int64_t at = loop_now_ms(f->base.loop); loop_now_ms(f->base.loop) - at < limit_ms;) {
		run_turn(f->base.loop);
		if (count(f) == MANY / 3)
			return true;
		usleep(2000);
	}
	return false;
}

/* More than any one piece of the work, and most of it not old. */
static void test_a_sweep_goes_on_until_all_was_looked_at(void **state)
{
	struct fixture *f = *state;
	store_write(f->base.store, write_many, f->base.loop, on_old_written, f);
	store_drain(f->base.loop);
	assert_int_equal(count(f), MANY);
	idempotency_sweep(f->idempotency);
	store_drain(f->base.loop);
	assert_true(count(f) > MANY / 2); /* a piece at a time */
	assert_true(is_swept_within(f, 10000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_answer_is_given_again),
		TEST(test_without_an_answer_the_next_is_a_first_one),
		TEST(test_who_is_gone_is_not_told_but_the_answer_is_kept),
		TEST(test_a_request_that_failed_half_way_is_resumed),
		TEST(test_a_sweep_goes_on_until_all_was_looked_at),
		TEST(test_after_a_day_it_is_forgotten_and_swept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
