/* Rates that rise and fall: windows, groups, hysteresis, brakes, room, and rows that are kept. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "bouncer/alerts/rates.h"

#define NOW    INT64_C(1800000000000)
#define WINDOW INT64_C(60000)

struct fixture {
	struct alert_rule rule;
	struct alert_rules rules;
	struct rates *rates;
	unsigned raised, cleared;
	struct alert_group *last;
};

static void on_raised(void *owner, struct alert_group *group)
{
	struct fixture *f = owner;
	f->raised++;
	f->last = group;
}

static void on_cleared(void *owner, struct alert_group *group)
{
	struct fixture *f = owner;
	f->cleared++;
	f->last = group;
}

static const struct rates_handler handler = {on_raised, on_cleared};

static void set_up(struct fixture *f, int then, size_t group_max)
{
	struct why why;
	const struct alert_settings settings = {.name = "hard_bounces",
						.then = then,
						.window = WINDOW,
						.minimum = 20,
						.at_least = 2,
						.raise = "20%",
						.clear = "10%",
						.slow_by = 50};
	*f = (struct fixture){.raised = 0};
	assert_int_equal(alert_rule_make(&settings, &f->rule, &why), OK);
	f->rules = (struct alert_rules){&f->rule, 1};
	f->rates = rates_new(&f->rules, group_max, &handler, f);
}

static void note(struct fixture *f, const char *campaign, enum bouncer_event_kind kind,
		 unsigned count, int64_t at_wall_ms)
{
	const struct sighting sighting = {
		.kind = kind,
		.class = CLASS_BAD_MAILBOX,
		.family = FAMILY_HARD,
		.by = {[BY_TENANT] = BYTES("acme"), [BY_CAMPAIGN] = bytes_of(campaign)},
	};
	for (unsigned i = 0; i < count; i++)
		rates_note(f->rates, &sighting, at_wall_ms);
}

static void test_a_window_forgets_what_is_older(void **state)
{
	(void)state;
	struct alert_window window = {.newest = 0}, read;
	uint8_t kept[ALERT_WINDOW_BYTES];
	uint64_t matched, total;
	alert_window_add(&window, WINDOW, NOW, 1, 2);
	alert_window_add(&window, WINDOW, NOW + WINDOW / 2, 3, 4);
	alert_window_add(&window, WINDOW, NOW + WINDOW / 4, 1, 0); /* late */
	alert_window_sum(&window, WINDOW, NOW + WINDOW / 2, &matched, &total);
	assert_int_equal(matched, 5);
	assert_int_equal(total, 6);
	alert_window_write(&window, kept);
	alert_window_read(kept, &read);
	alert_window_sum(&read, WINDOW, NOW + WINDOW, &matched, &total);
	assert_int_equal(matched, 4);
	assert_int_equal(total, 4);
	alert_window_sum(&read, WINDOW, NOW + 2 * WINDOW, &matched, &total);
	assert_int_equal(total, 0);
	alert_window_add(&window, WINDOW, NOW - 2 * WINDOW, 9, 9); /* set back */
	alert_window_add(&window, WINDOW, NOW + 9 * WINDOW, 0, 1);
	alert_window_sum(&window, WINDOW, NOW + 9 * WINDOW, &matched, &total);
	assert_int_equal(matched, 0);
	assert_int_equal(total, 1);
}

/* A bad clock of an hour must not blind an alert for as long as it was ahead. */
static void test_a_clock_that_was_ahead_ends_no_counting(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, THEN_TELL, 100);
	note(&f, "spring", EVENT_BOUNCED, 30, NOW + 1000 * WINDOW);
	assert_int_equal(f.raised, 1);
	rates_look(f.rates, NOW);
	assert_int_equal(f.cleared, 1);
	note(&f, "spring", EVENT_BOUNCED, 19, NOW);
	assert_int_equal(f.raised, 1);
	note(&f, "spring", EVENT_BOUNCED, 1, NOW);
	assert_int_equal(f.raised, 2);
	rates_free(&f.rates);
}

static void test_a_rate_is_raised_once_and_only_for_whom_it_is(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, THEN_TELL, 100);
	note(&f, "bad", EVENT_BOUNCED, 10, NOW);
	assert_int_equal(f.raised, 0); /* fewer than minimum */
	note(&f, "good", EVENT_DELIVERED, 100, NOW);
	note(&f, "good", EVENT_BOUNCED, 10, NOW);
	note(&f, "bad", EVENT_DELIVERED, 30, NOW);
	assert_int_equal(f.raised, 0);
	note(&f, "bad", EVENT_BOUNCED, 20, NOW);
	assert_int_equal(f.raised, 1);
	assert_true(bytes_is(f.last->by[BY_CAMPAIGN], "bad"));
	assert_int_equal(f.last->todo, TODO_TELL_RAISED);
	rates_look(f.rates, NOW);
	assert_int_equal(f.cleared, 0);
	rates_free(&f.rates);
}

static void test_it_is_cleared_below_the_lower_rate(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, THEN_TELL, 100);
	note(&f, "c", EVENT_DELIVERED, 16, NOW);
	note(&f, "c", EVENT_BOUNCED, 4, NOW);
	assert_int_equal(f.raised, 1);
	note(&f, "c", EVENT_DELIVERED, 10, NOW);
	rates_look(f.rates, NOW);
	assert_int_equal(f.cleared, 0); /* 13 % is between the two */
	note(&f, "c", EVENT_DELIVERED, 10, NOW);
	rates_look(f.rates, NOW);
	assert_int_equal(f.cleared, 1);
	assert_false(f.last->is_raised);
	note(&f, "c", EVENT_BOUNCED, 10, NOW);
	assert_int_equal(f.raised, 2);
	rates_free(&f.rates);
}

static void test_mail_that_is_nobodys_is_not_counted(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, THEN_TELL, 100);
	note(&f, "", EVENT_BOUNCED, 100, NOW);
	assert_int_equal(rates_count(f.rates), 0);
	rates_free(&f.rates);
}

static void test_a_brake_holds_until_its_time_and_counts_anew(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, THEN_BRAKE, 100);
	note(&f, "c", EVENT_BOUNCED, 20, NOW);
	assert_int_equal(f.last->todo, TODO_TELL_RAISED | TODO_ACT);
	f.last->has_acted = true;
	f.last->acts_until_wall_ms = NOW + 10 * WINDOW;
	rates_look(f.rates, NOW + 5 * WINDOW); /* nothing comes while nothing is sent */
	assert_int_equal(f.cleared, 0);
	rates_look(f.rates, NOW + 10 * WINDOW);
	assert_int_equal(f.cleared, 1);
	note(&f, "c", EVENT_BOUNCED, 19, NOW + 10 * WINDOW);
	assert_int_equal(f.raised, 1);
	note(&f, "c", EVENT_BOUNCED, 1, NOW + 10 * WINDOW);
	assert_int_equal(f.raised, 2);
	f.last->has_acted = true; /* until it is resumed */
	rates_look(f.rates, NOW + 100 * WINDOW);
	assert_int_equal(f.cleared, 1);
	rates_reset(f.rates, f.last);
	assert_int_equal(f.cleared, 2);
	rates_free(&f.rates);
}

static void test_groups_make_room_but_not_those_that_are_raised(void **state)
{
	(void)state;
	struct fixture f;
	char name[20];
	set_up(&f, THEN_TELL, 10);
	note(&f, "bad", EVENT_BOUNCED, 20, NOW);
	const uint64_t bad = f.last->id;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "c%d", i);
		note(&f, name, EVENT_DELIVERED, 1, NOW);
	}
	assert_int_equal(rates_count(f.rates), 10);
	assert_int_equal(rates_dropped(f.rates), 91);
	assert_non_null(rates_find(f.rates, bad));
	rates_look(f.rates, NOW + 2 * WINDOW);
	assert_int_equal(rates_count(f.rates), 1); /* still to be told */
	uint64_t gone;
	size_t count = 0;
	while (rates_next_gone(f.rates, &gone))
		count++;
	assert_int_equal(count, 100);
	rates_free(&f.rates);
}

static void test_a_kept_row_goes_on_where_it_was(void **state)
{
	(void)state;
	struct fixture f, again;
	uint8_t row[ALERT_ROW_MAX];
	set_up(&f, THEN_BRAKE, 100);
	set_up(&again, THEN_BRAKE, 100);
	note(&f, "c", EVENT_BOUNCED, 20, NOW);
	struct alert_group *group = rates_next_touched(f.rates);
	assert_ptr_equal(group, f.last);
	assert_null(rates_next_touched(f.rates));
	group->has_acted = true;
	struct bytes kept = bytes_from(row, alert_row_write(group, row));
	assert_int_equal(rates_take_row(again.rates, kept, NOW), OK);
	const struct alert_group *read = rates_find(again.rates, group->id);
	assert_non_null(read);
	assert_true(read->is_raised && read->has_acted);
	assert_int_equal(read->todo, TODO_TELL_RAISED | TODO_ACT);
	assert_true(bytes_is(read->by[BY_CAMPAIGN], "c"));
	note(&again, "c", EVENT_BOUNCED, 20, NOW);
	assert_int_equal(again.raised, 0);

	for (size_t len = 0; len < kept.len; len++)
		assert_int_not_equal(rates_take_row(again.rates, bytes_first(kept, len), NOW), OK);
	rates_free(&f.rates);
	rates_free(&again.rates);
}

static void test_rows_that_say_nothing_are_refused(void **state)
{
	(void)state;
	struct fixture f, again;
	uint8_t row[ALERT_ROW_MAX];
	set_up(&f, THEN_TELL, 100);
	set_up(&again, THEN_TELL, 100);
	note(&f, "c", EVENT_DELIVERED, 20, NOW);
	struct bytes kept = bytes_from(row, alert_row_write(rates_next_touched(f.rates), row));
	assert_int_equal(rates_take_row(again.rates, kept, NOW + 2 * WINDOW), E_TIMEOUT);
	again.rule.name = "another";
	assert_int_equal(rates_take_row(again.rates, kept, NOW), E_NOT_FOUND);
	rates_free(&f.rates);
	rates_free(&again.rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_window_forgets_what_is_older),
		cmocka_unit_test(test_a_clock_that_was_ahead_ends_no_counting),
		cmocka_unit_test(test_a_rate_is_raised_once_and_only_for_whom_it_is),
		cmocka_unit_test(test_it_is_cleared_below_the_lower_rate),
		cmocka_unit_test(test_mail_that_is_nobodys_is_not_counted),
		cmocka_unit_test(test_a_brake_holds_until_its_time_and_counts_anew),
		cmocka_unit_test(test_groups_make_room_but_not_those_that_are_raised),
		cmocka_unit_test(test_a_kept_row_goes_on_where_it_was),
		cmocka_unit_test(test_rows_that_say_nothing_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
