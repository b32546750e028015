/* Hours in which mail may be sent, over weekends, midnight, and changes of the clock. */
#include "tests/check.h"

#include <string.h>

#include "lib/base/clock.h"
#include "workers/delivery/window.h"

static struct window read_it(struct arena *arena, const char *days, const char *from,
			     const char *to, const char *zone)
{
	const char **list = arena_zalloc(arena, 1, sizeof(char *));
	struct window window;
	struct why why;
	list[0] = days;
	const struct window_settings settings = {"w", {list, 1}, from, to, zone, "UTC"};
	assert_int_equal(window_read(arena, &settings, WINDOW_ZONES, &window, &why), OK);
	return window;
}

static int64_t at(const char *text)
{
	int64_t ms = 0;
	assert_true(clock_parse_rfc3339(bytes_of(text), &ms));
	return ms;
}

static void test_the_next_opening(void **state)
{
	static const struct {
		const char *days, *from, *to, *zone, *now, *opening; /* NULL: open now */
	} cases[] = {
		/* 2026-11-20 is a Friday */
		{"mon-fri", "08:00", "20:00", "UTC", "2026-11-20T08:00:00Z", NULL},
		{"mon-fri", "08:00", "20:00", "UTC", "2026-11-20T07:59:59Z",
		 "2026-11-20T08:00:00Z"},
		{"mon-fri", "08:00", "20:00", "UTC", "2026-11-20T19:59:59Z", NULL},
		{"mon-fri", "08:00", "20:00", "UTC", "2026-11-20T20:00:00Z",
		 "2026-11-23T08:00:00Z"},
		{"mon-fri", "08:00", "20:00", "UTC", "2026-11-21T12:00:00Z",
		 "2026-11-23T08:00:00Z"},
		{"fri", "08:00", "20:00", "UTC", "2026-11-20T20:00:00Z", "2026-11-27T08:00:00Z"},
		{"sat-mon", "00:00", "24:00", "UTC", "2026-11-20T23:59:59Z",
		 "2026-11-21T00:00:00Z"},
		{"sat-mon", "00:00", "24:00", "UTC", "2026-11-23T23:59:59Z", NULL},
		/* over midnight it is of the day on which it opens */
		{"fri", "22:00", "06:00", "UTC", "2026-11-21T05:59:00Z", NULL},
		{"fri", "22:00", "06:00", "UTC", "2026-11-20T05:00:00Z", "2026-11-20T22:00:00Z"},
		{"fri", "22:00", "06:00", "UTC", "2026-11-21T06:00:00Z", "2026-11-27T22:00:00Z"},
		/* by the clock of its zone */
		{"mon-fri", "08:00", "20:00", "Europe/Berlin", "2026-11-20T06:59:00Z",
		 "2026-11-20T07:00:00Z"},
		{"mon-fri", "08:00", "20:00", "Europe/Berlin", "2026-07-17T05:59:00Z",
		 "2026-07-17T06:00:00Z"},
		{"mon-fri", "08:00", "20:00", "America/New_York", "2026-11-21T00:59:59Z", NULL},
		{"mon-fri", "08:00", "20:00", "Asia/Kathmandu", "2026-11-20T01:00:00Z",
		 "2026-11-20T02:15:00Z"},
		/* the clock goes forward on 2026-03-29 at 01:00 UTC, and back on 2026-10-25 */
		{"mon-sun", "08:00", "20:00", "Europe/Berlin", "2026-03-28T19:30:00Z",
		 "2026-03-29T06:00:00Z"},
		{"mon-sun", "08:00", "20:00", "Europe/Berlin", "2026-10-24T18:30:00Z",
		 "2026-10-25T07:00:00Z"},
		/* 02:30 does not come: it opens when the clock jumps over it */
		{"sun", "02:30", "06:00", "Europe/Berlin", "2026-03-29T00:30:00Z",
		 "2026-03-29T01:00:00Z"},
		/* a window that the change leaves out has none that day */
		{"sun", "02:10", "02:50", "Europe/Berlin", "2026-03-29T00:30:00Z",
		 "2026-04-05T00:10:00Z"},
		/* 02:30 comes twice, and is open twice */
		{"sun", "02:30", "03:00", "Europe/Berlin", "2026-10-25T00:00:00Z",
		 "2026-10-25T00:30:00Z"},
		{"sun", "02:30", "03:00", "Europe/Berlin", "2026-10-25T01:30:00Z", NULL},
	};
	struct arena *arena = arena_new();
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char told[CLOCK_RFC3339_SIZE], wanted[CLOCK_RFC3339_SIZE];
		const struct window window =
			read_it(arena, cases[i].days, cases[i].from, cases[i].to, cases[i].zone);
		int64_t now = at(cases[i].now);
		clock_rfc3339(window_opening_ms(&window, now), told);
		clock_rfc3339(cases[i].opening ? at(cases[i].opening) : now, wanted);
		assert_string_equal(told, wanted);
		assert_int_equal(window_is_open(&window, now), !cases[i].opening);
	}
	arena_free(&arena);
}

/* Every quarter of an hour of a year, against a search minute by minute. */
static void test_the_opening_is_the_first_open_minute(void **state)
{
	struct arena *arena = arena_new();
	const struct window window = read_it(arena, "sat-mon", "01:45", "02:40", "Europe/Berlin");
	int64_t end = at("2026-12-01T00:00:00Z");
	(void)state;
	for (int64_t now = at("2026-03-01T00:00:00Z"); now < end; now += 15 * 60000) {
		int64_t opening = window_opening_ms(&window, now);
		assert_true(opening >= now && window_is_open(&window, opening));
		if (opening > now)
			assert_false(window_is_open(&window, opening - 60000));
		for (int64_t before = now; before < opening; before += 5 * 60000)
			assert_false(window_is_open(&window, before));
	}
	arena_free(&arena);
}

static void test_what_cannot_be_read_is_told(void **state)
{
	static const struct {
		const char *days, *from, *to, *zone;
	} cases[] = {
		{"monday", "08:00", "20:00", "UTC"},   {"mon-", "08:00", "20:00", "UTC"},
		{"mon", "8:00", "20:00", "UTC"},       {"mon", "08:60", "20:00", "UTC"},
		{"mon", "24:00", "20:00", "UTC"},      {"mon", "08:00", "24:01", "UTC"},
		{"mon", "08:00", "20:00", "../etc"},   {"mon", "08:00", "20:00", "Europe/Nowhere"},
		{"mon", "08:00", "20:00", "zone.tab"},
	};
	struct arena *arena = arena_new();
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *days[] = {cases[i].days};
		const struct window_settings settings = {"w",	      {days, 1},     cases[i].from,
							 cases[i].to, cases[i].zone, "UTC"};
		struct window window;
		struct why why = {""};
		assert_int_not_equal(window_read(arena, &settings, WINDOW_ZONES, &window, &why),
				     OK);
		assert_true(strlen(why.text) > 0);
	}
	arena_free(&arena);
}

static void test_a_recipient_has_a_zone_of_its_own(void **state)
{
	static const char *const days[] = {"mon-fri"};
	struct window_settings settings[] = {
		{"local", {(const char **)days, 1}, "08:00", "20:00", "recipient", "Europe/Berlin"},
		{"office", {(const char **)days, 1}, "08:00", "20:00", "Asia/Tokyo", "UTC"},
	};
	static const struct {
		const char *window, *zones[2], *opening;
	} cases[] = {
		{"local", {"America/New_York", "Asia/Tokyo"}, "2026-11-19T22:59:00Z"},
		{"local", {"", "Asia/Tokyo"}, "2026-11-19T23:00:00Z"},
		{"local", {"", "UTC"}, "2026-11-20T08:00:00Z"},
		{"local", {"", ""}, "2026-11-20T07:00:00Z"},
		{"local", {"Nowhere/Atall", "../../etc/passwd"}, "2026-11-20T07:00:00Z"},
		{"local", {"posix/Asia/Tokyo", "zone.tab"}, "2026-11-20T07:00:00Z"},
		{"office", {"America/New_York", ""}, "2026-11-19T23:00:00Z"},
	};
	struct conf_items items = {.items = settings, .count = 2};
	struct windows *windows = NULL;
	struct why why;
	(void)state;
	assert_int_equal(windows_new(&items, &windows, &why), OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct window *window = windows_find(windows, bytes_of(cases[i].window));
		const struct bytes zones[] = {bytes_of(cases[i].zones[0]),
					      bytes_of(cases[i].zones[1])};
		struct window own = windows_for(windows, window, zones, 2);
		assert_int_equal(window_opening_ms(&own, at("2026-11-19T22:59:00Z")),
				 at(cases[i].opening));
	}
	windows_free(&windows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_next_opening),
		cmocka_unit_test(test_the_opening_is_the_first_open_minute),
		cmocka_unit_test(test_what_cannot_be_read_is_told),
		cmocka_unit_test(test_a_recipient_has_a_zone_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
