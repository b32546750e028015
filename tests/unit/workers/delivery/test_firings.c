/* A rule that fires again and again becomes one event a minute. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/delivery/firings.h"

struct told {
	size_t calls;
	struct shaping_event last;
	char text[40];
};

static int setup(void **state)
{
	*state = firings_new();
	return 0;
}

static int teardown(void **state)
{
	struct firings *firings = *state;
	firings_free(&firings);
	assert_null(firings);
	return 0;
}

static struct shaping_event event(const char *site, const char *text)
{
	return (struct shaping_event){.action = BYTES("bounce"),
				      .rule = BYTES("rule"),
				      .site = bytes_of(site),
				      .source = BYTES("first"),
				      .text = bytes_of(text),
				      .count = 1};
}

static enum firing note(struct firings *firings, const struct shaping_event *what, int64_t now_ms)
{
	struct shaping_event noted = *what;
	return firings_note(firings, &noted, now_ms);
}

static void on_due(void *owner, const struct shaping_event *due)
{
	struct told *told = owner;
	told->calls++;
	told->last = *due;
	(void)snprintf(told->text, sizeof told->text, "%.*s", BYTES_ARGS(due->text));
}

static struct told due(struct firings *firings, int64_t now_ms)
{
	struct told told = {0};
	firings_due(firings, now_ms, on_due, &told);
	return told;
}

static void test_a_thousand_firings_in_a_minute_are_two_events(void **state)
{
	struct firings *firings = *state;
	char reply[16] = "first";
	struct shaping_event what = event("a", reply);
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	for (int i = 1; i < 1000; i++) {
		(void)snprintf(reply, sizeof reply, "%d", i); /* only borrowed */
		what = event("a", reply);
		what.replies = (uint64_t)i + 1;
		assert_int_equal(note(firings, &what, i), FIRING_LATER);
	}
	assert_int_equal(due(firings, FIRINGS_EVERY_MS - 1).calls, 0);
	struct told told = due(firings, FIRINGS_EVERY_MS);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.last.count, 999);
	assert_int_equal(told.last.replies, 1000);
	assert_string_equal(told.text, "1"); /* the first reply since it was told */
}

static void test_what_goes_on_is_told_once_a_minute_and_what_ended_is_forgotten(void **state)
{
	struct firings *firings = *state;
	const struct shaping_event what = event("a", "x");
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	assert_int_equal(note(firings, &what, 1), FIRING_LATER);
	assert_int_equal(due(firings, FIRINGS_EVERY_MS).last.count, 1);
	assert_int_equal(note(firings, &what, FIRINGS_EVERY_MS + 1), FIRING_LATER);
	assert_int_equal(due(firings, 2 * FIRINGS_EVERY_MS).last.count, 1);
	assert_int_equal(firings_count(firings), 1);
	assert_int_equal(due(firings, 3 * FIRINGS_EVERY_MS).calls, 0);
	assert_int_equal(firings_count(firings), 0);
	assert_int_equal(note(firings, &what, 3 * FIRINGS_EVERY_MS), FIRING_NOW);
}

static void test_what_is_in_force_anew_is_told_at_once(void **state)
{
	struct firings *firings = *state;
	struct shaping_event what = event("a", "x");
	what.id = BYTES("1f");
	what.replies = 1;
	assert_int_equal(firings_note(firings, &what, 0), FIRING_NOW);
	what.replies = 2;
	assert_int_equal(note(firings, &what, 1), FIRING_LATER);
	what.replies = 1; /* it was cancelled between */
	assert_int_equal(firings_note(firings, &what, 2), FIRING_NOW);
	assert_int_equal(what.count, 2);
	assert_int_equal(due(firings, FIRINGS_EVERY_MS).calls, 0);
	assert_int_equal(firings_count(firings), 1);
	assert_int_equal(due(firings, FIRINGS_EVERY_MS + 2).calls, 0);
	assert_int_equal(firings_count(firings), 0);
}

static void test_for_whom_it_is_makes_its_kind(void **state)
{
	struct firings *firings = *state;
	struct shaping_event what = event("a", "x");
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	what.rule = BYTES("other");
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	what.action = BYTES("classify");
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	what.site = BYTES("b");
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	what.source = BYTES("second");
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	what.id = BYTES("1f"); /* what is in force is one, whoever's reply it was */
	assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	what.source = BYTES("third");
	assert_int_equal(note(firings, &what, 0), FIRING_LATER);
	assert_int_equal(firings_count(firings), 6);
}

static void test_there_is_an_end_to_kinds(void **state)
{
	struct firings *firings = *state;
	char site[24];
	for (int i = 0; i < FIRINGS_MAX; i++) {
		(void)snprintf(site, sizeof site, "site-%d", i);
		const struct shaping_event what = event(site, "x");
		assert_int_equal(note(firings, &what, 0), FIRING_NOW);
	}
	const struct shaping_event one_more = event("one-more", "x"), known = event("site-7", "x");
	assert_int_equal(note(firings, &one_more, 0), FIRING_DROPPED);
	assert_int_equal(note(firings, &known, 0), FIRING_LATER);
	assert_int_equal(due(firings, FIRINGS_EVERY_MS).calls, 1);
	assert_int_equal(firings_count(firings), 1);
	assert_int_equal(note(firings, &one_more, FIRINGS_EVERY_MS), FIRING_NOW);
}

int main(void)
{
#define PROMISE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROMISE(test_a_thousand_firings_in_a_minute_are_two_events),
		PROMISE(test_what_goes_on_is_told_once_a_minute_and_what_ended_is_forgotten),
		PROMISE(test_what_is_in_force_anew_is_told_at_once),
		PROMISE(test_for_whom_it_is_makes_its_kind),
		PROMISE(test_there_is_an_end_to_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
