/* Brakes on their way into the table: when it is known, when it cannot be read, when nothing can be written. Table, clock and timer are this test's. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bouncer/alerts/brakes.h"
#include "lib/base/arena.h"

#define WALL	    INT64_C(1800000000000)
#define WRITES_MAX  40
#define GUARD_S	    10 /* a table that is not known by then keeps no brake from being written */
#define OF_CAMPAIGN ((const struct directive){.tenant = BYTES("acme"), .campaign = BYTES("spring")})

/* ---- what stands below ---- */

struct timer {
	void (*fired)(void *owner);
	void *owner;
	int64_t at_ms; /* 0: it does not run */
};

static struct {
	int64_t now_ms;
	struct timer timer;
	const struct table_handler *handler;
	void *follower;
	enum err append_err;
	struct write {
		enum directive_kind kind;
		uint64_t version;
	} writes[WRITES_MAX];
	size_t write_count;
	unsigned done_count;
	enum err done_err;
} world;

int64_t loop_now_ms(const struct loop *loop)
{
	(void)loop;
	return world.now_ms;
}

int64_t loop_wall_ms(const struct loop *loop)
{
	(void)loop;
	return WALL + world.now_ms;
}

struct timer *timer_new(struct loop *loop, void (*fired)(void *owner), void *owner)
{
	(void)loop;
	world.timer = (struct timer){fired, owner, 0};
	return &world.timer;
}

void timer_free(struct timer **timer)
{
	*timer = NULL;
}

void timer_start(struct timer *timer, int64_t delay_ms)
{
	timer->at_ms = world.now_ms + delay_ms;
}

void timer_stop(struct timer *timer)
{
	timer->at_ms = 0;
}

bool timer_is_running(const struct timer *timer)
{
	return timer->at_ms > 0;
}

struct table_follower *table_follow(struct broker *broker, const char *table, uint64_t position,
				    const struct table_handler *handler, void *owner)
{
	(void)broker, (void)position;
	assert_string_equal(table, "directives");
	world.handler = handler;
	world.follower = owner;
	return NULL;
}

void table_follower_free(struct table_follower **follower)
{
	*follower = NULL;
}

void table_append(struct broker *broker, const char *table, const struct table_entry *entry,
		  published done, void *owner)
{
	struct arena *arena = arena_new();
	struct directive directive;
	(void)broker;
	assert_string_equal(table, "directives");
	assert_int_equal(directive_decode(arena, entry->value, &directive, NULL), OK);
	assert_true(world.write_count < WRITES_MAX);
	world.writes[world.write_count++] = (struct write){directive.kind, entry->version};
	arena_free(&arena);
	done(owner, world.append_err);
}

/* ---- what happens ---- */

static struct brakes *begin(void)
{
	memset(&world, 0, sizeof world);
	world.now_ms = 1;
	return brakes_new(NULL, NULL);
}

static void passes(int64_t ms)
{
	const int64_t until_ms = world.now_ms + ms;
	while (world.timer.at_ms > 0 && world.timer.at_ms <= until_ms) {
		world.now_ms = world.timer.at_ms;
		world.timer.at_ms = 0;
		world.timer.fired(world.timer.owner);
	}
	world.now_ms = until_ms;
}

static void table_is_known(void)
{
	world.handler->caught_up(world.follower);
}

/* Somebody else's row for the campaign. */
static void table_has(enum directive_kind kind, const char *by, uint64_t version)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct directive row = OF_CAMPAIGN;
	struct buf value;
	row.kind = kind;
	row.by = bytes_of(by);
	buf_init(&value, 4096);
	assert_int_equal(directive_encode(&row, &value), OK);
	const struct table_entry entry = {
		.key = bytes_from(key, directive_key(&row, key)),
		.value = buf_bytes(&value),
		.version = version,
	};
	world.handler->entry(world.follower, &entry, 1);
	buf_done(&value);
}

static void on_done(void *owner, enum err err)
{
	(void)owner;
	world.done_count++;
	world.done_err = err;
}

static void wish(struct brakes *brakes, enum directive_kind kind)
{
	struct directive directive = OF_CAMPAIGN;
	directive.kind = kind;
	directive.by = BYTES(BRAKE_BY "hard_bounces");
	brakes_apply(brakes, &directive, on_done, NULL);
}

static void assert_wrote(size_t count, enum directive_kind kind, uint64_t version)
{
	assert_int_equal(world.write_count, count);
	assert_int_equal(world.writes[count - 1].kind, kind);
	assert_int_equal(world.writes[count - 1].version, version);
}

/* ---- tests ---- */

static void test_in_a_known_table_it_is_written_at_once(void **state)
{
	(void)state;
	struct brakes *brakes = begin();
	table_is_known();
	wish(brakes, DIRECTIVE_SUSPEND);
	assert_wrote(1, DIRECTIVE_SUSPEND, (uint64_t)WALL + 1);
	assert_int_equal(world.done_count, 1);
	assert_int_equal(world.done_err, OK);
	brakes_free(&brakes);
}

static void test_a_table_that_cannot_be_read_holds_it_up_for_ten_seconds(void **state)
{
	(void)state;
	struct brakes *brakes = begin();
	wish(brakes, DIRECTIVE_SUSPEND);
	passes(GUARD_S * 1000 - 1);
	assert_int_equal(world.write_count, 0);
	assert_int_equal(world.done_count, 0);
	passes(1);
	assert_wrote(1, DIRECTIVE_SUSPEND, (uint64_t)WALL + 1 + GUARD_S * 1000);
	assert_int_equal(world.done_count, 1);
	assert_int_equal(world.done_err, OK);
	passes(60000);
	assert_int_equal(world.write_count, 1);
	brakes_free(&brakes);
}

/* Each has its own ten seconds. */
static void test_the_guard_counts_from_when_each_was_asked_for(void **state)
{
	(void)state;
	struct brakes *brakes = begin();
	wish(brakes, DIRECTIVE_SUSPEND);
	passes(5000);
	wish(brakes, DIRECTIVE_RESUME);
	passes(5000);
	assert_int_equal(world.write_count, 1);
	passes(4999);
	assert_int_equal(world.write_count, 1);
	passes(1001);
	assert_wrote(2, DIRECTIVE_RESUME, world.writes[1].version);
	assert_true(world.writes[1].version > world.writes[0].version);
	brakes_free(&brakes);
}

static void test_it_goes_above_what_stood_there_as_soon_as_that_is_known(void **state)
{
	(void)state;
	const uint64_t ahead = (uint64_t)WALL + 3600000; /* by a host whose clock is wrong */
	struct brakes *brakes = begin();
	wish(brakes, DIRECTIVE_SUSPEND);
	passes(3000);
	table_has(DIRECTIVE_RESUME, "ada", ahead);
	assert_int_equal(world.write_count, 0);
	table_is_known();
	assert_wrote(1, DIRECTIVE_SUSPEND, ahead + 1);
	assert_int_equal(world.done_count, 1);
	passes(60000);
	assert_int_equal(world.write_count, 1);
	brakes_free(&brakes);
}

static void test_what_cannot_be_kept_for_now_is_tried_again_as_the_same_row(void **state)
{
	(void)state;
	struct brakes *brakes = begin();
	table_is_known();
	world.append_err = E_AWAY;
	wish(brakes, DIRECTIVE_SUSPEND);
	passes(3000);
	assert_wrote(4, DIRECTIVE_SUSPEND, world.writes[0].version);
	assert_int_equal(world.done_count, 0);
	world.append_err = OK;
	passes(1000);
	assert_wrote(5, DIRECTIVE_SUSPEND, world.writes[0].version);
	assert_int_equal(world.done_count, 1);
	passes(60000);
	assert_int_equal(world.write_count, 5);
	brakes_free(&brakes);
}

static void test_what_can_never_be_kept_is_told_once(void **state)
{
	(void)state;
	struct brakes *brakes = begin();
	table_is_known();
	world.append_err = E_TOO_BIG;
	wish(brakes, DIRECTIVE_SUSPEND);
	passes(60000);
	assert_int_equal(world.write_count, 1);
	assert_int_equal(world.done_count, 1);
	assert_int_equal(world.done_err, E_TOO_BIG);
	brakes_free(&brakes);
}

/* Needless writes, also where it is only found out later that they are. */
static void test_what_is_in_force_stays_and_an_operators_pause_is_not_lifted(void **state)
{
	(void)state;
	struct brakes *brakes = begin();
	wish(brakes, DIRECTIVE_SUSPEND);
	table_has(DIRECTIVE_SUSPEND, "ada", (uint64_t)WALL - 5000);
	table_is_known();
	assert_int_equal(world.write_count, 0);
	assert_int_equal(world.done_count, 1);
	wish(brakes, DIRECTIVE_RESUME);
	assert_int_equal(world.write_count, 0);
	assert_int_equal(world.done_count, 2);
	table_has(DIRECTIVE_SUSPEND, BRAKE_BY "hard_bounces", (uint64_t)WALL - 4000);
	wish(brakes, DIRECTIVE_RESUME);
	assert_wrote(1, DIRECTIVE_RESUME, (uint64_t)WALL + 1);
	brakes_free(&brakes);
}

static void test_what_still_waits_at_the_end_is_cancelled(void **state)
{
	(void)state;
	struct brakes *brakes = begin();
	wish(brakes, DIRECTIVE_SUSPEND);
	passes(2000);
	brakes_stop(brakes);
	assert_int_equal(world.done_count, 1);
	assert_int_equal(world.done_err, E_CANCELLED);
	passes(60000);
	assert_int_equal(world.write_count, 0);
	brakes_free(&brakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_a_known_table_it_is_written_at_once),
		cmocka_unit_test(test_a_table_that_cannot_be_read_holds_it_up_for_ten_seconds),
		cmocka_unit_test(test_the_guard_counts_from_when_each_was_asked_for),
		cmocka_unit_test(test_it_goes_above_what_stood_there_as_soon_as_that_is_known),
		cmocka_unit_test(test_what_cannot_be_kept_for_now_is_tried_again_as_the_same_row),
		cmocka_unit_test(test_what_can_never_be_kept_is_told_once),
		cmocka_unit_test(test_what_is_in_force_stays_and_an_operators_pause_is_not_lifted),
		cmocka_unit_test(test_what_still_waits_at_the_end_is_cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
