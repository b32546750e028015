/* Taps in force: who gets which lines, how much, and for how long. */
#include "tests/check.h"

#include <string.h>

#include "broker/engine.h"
#include "lib/base/memory.h"
#include "workers/taps/tap_counts.h"
#include "workers/taps/taps.h"

#define ANSWERS_MAX 400

struct world {
	struct loop *loop;
	struct taps *taps;
	bool refuses;
	size_t answer_count, changed_count;
	struct tap_head heads[ANSWERS_MAX];
	uint64_t to[ANSWERS_MAX], line_counts[ANSWERS_MAX];
	size_t longest;
};

static uint64_t count_lines(struct bytes lines)
{
	uint64_t count = 0;
	for (size_t i = 0; i < lines.len; i++)
		count += lines.data[i] == '\n';
	return count;
}

static bool on_answer(void *owner, const struct reply_address *to, struct bytes answer)
{
	struct world *world = owner;
	struct bytes lines;
	if (world->refuses)
		return false;
	assert_true(world->answer_count < ANSWERS_MAX && answer.len <= CONTROL_SIZE_MAX);
	size_t at = world->answer_count++;
	assert_true(tap_head_read(answer, &world->heads[at], &lines));
	world->to[at] = to->number;
	world->line_counts[at] = count_lines(lines);
	world->longest = answer.len > world->longest ? answer.len : world->longest;
	return true;
}

static void on_changed(void *owner)
{
	struct world *world = owner;
	world->changed_count++;
}

static int setup(void **state)
{
	struct world *world = memory_new(sizeof *world);
	world->loop = loop_new();
	world->taps = taps_new(&(const struct taps_options){.loop = world->loop,
							    .worker = "w/1",
							    .host = "w",
							    .send = on_answer,
							    .owner = world});
	taps_watch(world->taps, on_changed, world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	taps_free(&world->taps);
	loop_free(&world->loop);
	free(world);
	return 0;
}

static void stop(void *owner)
{
	loop_stop(owner);
}

static void turn(struct world *world, int64_t ms)
{
	struct timer *timer = timer_new(world->loop, stop, world->loop);
	timer_start(timer, ms);
	loop_run(world->loop);
	timer_free(&timer);
}

static void wish(struct world *world, const char *text, uint64_t number)
{
	struct tap_wish wish;
	struct reply_address *address = memory_new(sizeof *address);
	address->number = number;
	assert_true(tap_wish_read(bytes_of(text), &wish));
	taps_heed(world->taps, &wish, &address);
	assert_null(address);
}

static void tell(struct world *world, tap_set set, size_t count)
{
	const struct tap_line line = {.kind = TAP_SENT, .text = BYTES("MAIL"), .after_ms = -1};
	for (size_t i = 0; i < count; i++)
		taps_tell(world->taps, set, &line);
}

static struct tap_head last(const struct world *world)
{
	return world->heads[world->answer_count - 1];
}

static uint64_t received(const struct world *world)
{
	uint64_t count = 0;
	for (size_t i = 0; i < world->answer_count; i++)
		count += world->line_counts[i];
	return count;
}

static void test_a_wish_is_answered_at_once_and_lines_follow_together(void **state)
{
	struct world *world = *state;
	assert_false(taps_are_on(NULL));
	assert_false(taps_are_on(world->taps));
	wish(world, "id=1\nsite=a\n", 5);
	assert_true(taps_are_on(world->taps));
	assert_int_equal(world->changed_count, 1);
	assert_int_equal(world->answer_count, 1);
	assert_string_equal(last(world).worker, "w/1");
	tell(world, 1, 3);
	assert_int_equal(world->answer_count, 1);
	turn(world, 2 * TAP_FLUSH_MS);
	assert_int_equal(world->answer_count, 2);
	assert_int_equal(world->line_counts[1], 3);
	wish(world, "id=1\nsite=a\n", 6);
	assert_int_equal(world->changed_count, 1);
	assert_int_equal(world->to[2], 6); /* answers go to who asked last */
	assert_int_equal(last(world).told_count, 3);
}

static void test_it_ends_when_it_is_told_or_nobody_renews_it(void **state)
{
	struct world *world = *state;
	wish(world, "id=1\nsite=a\n", 1);
	wish(world, "id=2\nsite=a\n", 2);
	tell(world, 2, 4);
	wish(world, "id=2\nends=1\n", 3);
	assert_int_equal(received(world), 4); /* what was left */
	assert_int_equal(world->changed_count, 3);
	assert_true(taps_are_on(world->taps));
	turn(world, TAP_LEASE_MS + 1500);
	assert_false(taps_are_on(world->taps));
	assert_int_equal(world->changed_count, 4);
	wish(world, "id=2\nends=1\n", 3); /* of none */
	assert_false(taps_are_on(world->taps));
}

static void test_only_so_many_are_kept(void **state)
{
	struct world *world = *state;
	char text[] = "id=a\nsite=x\n";
	for (int i = 0; i < TAPS_MAX; i++, text[3]++)
		wish(world, text, (uint64_t)i);
	assert_int_equal(world->answer_count, TAPS_MAX);
	wish(world, "id=more\nsite=x\n", 99);
	assert_int_equal(world->answer_count, TAPS_MAX);
	wish(world, "id=a\nends=1\n", 1);
	wish(world, "id=more\nsite=x\n", 99);
	assert_int_equal(world->answer_count, TAPS_MAX + 2);
}

static void test_what_is_too_much_is_dropped_and_counted(void **state)
{
	struct world *world = *state;
	struct tap_counts *counts = tap_counts_new();
	uint64_t missed = 0;
	int64_t begin_ms = loop_now_ms(world->loop);
	wish(world, "id=1\nsite=a\nas_json=1\n", 1);
	tell(world, 1, 30000);
	wish(world, "id=1\nsite=a\n", 1);
	size_t seconds = 1 + (size_t)(loop_now_ms(world->loop) - begin_ms + 999) / 1000;
	size_t most = 2 + seconds * (TAP_BYTES_PER_S / world->longest + 1);
	assert_in_range(world->answer_count, 5, most);
	for (size_t i = 0; i < world->answer_count; i++)
		missed += tap_counts_note(counts, &world->heads[i], world->line_counts[i]);
	assert_true(received(world) > 1000);
	assert_int_equal(received(world) + missed, 30000);
	turn(world, 1100);
	tell(world, 1, 1); /* it goes on */
	turn(world, 2 * TAP_FLUSH_MS);
	assert_int_equal(world->line_counts[world->answer_count - 1], 1);
	tap_counts_free(&counts);
}

static void test_what_the_broker_does_not_take_is_counted(void **state)
{
	struct world *world = *state;
	wish(world, "id=1\nsite=a\n", 1);
	world->refuses = true;
	tell(world, 1, 10);
	turn(world, 2 * TAP_FLUSH_MS);
	world->refuses = false;
	wish(world, "id=1\nsite=a\n", 1);
	assert_int_equal(last(world).told_count, 0);
	assert_int_equal(last(world).dropped_count, 10);
}

static void test_all_that_is_given_must_fit(void **state)
{
	static const struct bytes recipients[] = {{(const uint8_t *)"A@x.example", 11},
						  {(const uint8_t *)"b@Y.example", 11}};
	static const struct bytes ids[] = {{(const uint8_t *)"01A", 3},
					   {(const uint8_t *)"01B", 3}};
	static const struct {
		const char *wish;
		bool fits_message, fits_lane;
	} cases[] = {
		{"site=gmail\n", true, true},
		{"site=named\n", true, true},
		{"site=other\n", false, false},
		{"source=out1\n", true, true},
		{"source=out2\n", false, false},
		{"domain=x.example\n", true, true},
		{"domain=y.example\n", true, false},
		{"domain=example\n", false, false},
		{"recipient=a@x.example\n", true, true}, /* its domain's sessions, too */
		{"recipient=c@x.example\n", false, true},
		{"recipient=b@y.example\n", true, false},
		{"message=01B\n", true, false},
		{"message=01C\n", false, false},
		{"site=gmail\nmessage=01A\n", true, false},
		{"site=other\nmessage=01A\n", false, false},
	};
	struct world *world = *state;
	struct tap_subject lane = {.site = BYTES("gmail"),
				   .settings_site = BYTES("named"),
				   .next_hop = BYTES("x.example"),
				   .source = BYTES("out1")};
	struct tap_subject message = lane;
	message.recipients = recipients;
	message.messages = ids;
	message.recipient_count = 2;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[200];
		(void)snprintf(text, sizeof text, "id=1\n%s", cases[i].wish);
		wish(world, text, 1);
		assert_int_equal(taps_match(world->taps, &message), cases[i].fits_message);
		assert_int_equal(taps_match(world->taps, &lane), cases[i].fits_lane);
		wish(world, "id=1\nends=1\n", 1);
	}
	wish(world, "id=1\nsite=gmail\n", 1);
	wish(world, "id=2\nsite=gmail\nhas_headers=1\n", 1);
	assert_int_equal(taps_match(world->taps, &message), 3);
	assert_int_equal(taps_with_headers(world->taps, 3), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_wish_is_answered_at_once_and_lines_follow_together),
		TEST(test_it_ends_when_it_is_told_or_nobody_renews_it),
		TEST(test_only_so_many_are_kept),
		TEST(test_what_is_too_much_is_dropped_and_counted),
		TEST(test_what_the_broker_does_not_take_is_counted),
		TEST(test_all_that_is_given_must_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
