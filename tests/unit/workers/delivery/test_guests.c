/* How many turns each tenant has had at a site, and what that is worth when it was away. */
#include "tests/check.h"

#include <stdio.h>

#include "workers/delivery/guests.h"

static struct guests *guests;

static int setup(void **state)
{
	(void)state;
	guests = guests_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	guests_free(&guests);
	return 0;
}

static void note(struct guest *guest, unsigned count)
{
	for (; count > 0; count--)
		guest_note(guest);
}

static void test_who_had_fewer_turns_is_behind(void **state)
{
	(void)state;
	struct guest *a = guest_take(guests, BYTES("a")), *none = guest_take(guests, BYTES_NONE);
	assert_int_equal(guest_behind(a), 0);
	assert_int_equal(guest_behind(none), GUEST_NEW); /* the new wait least */
	note(none, GUEST_NEW);
	assert_int_equal(guest_behind(a), 0);
	note(none, 3);
	assert_int_equal(guest_behind(a), 3);
	note(a, 1);
	assert_int_equal(guest_behind(a), 2);
	guest_take_back(a);
	assert_int_equal(guest_behind(a), 3);
	assert_int_equal(guest_behind(none), 0);
	guest_give(&a);
	guest_give(&none);
}

static void test_turns_that_were_not_taken_are_not_saved_up(void **state)
{
	(void)state;
	struct guest *a = guest_take(guests, BYTES("a")), *b = guest_take(guests, BYTES("b"));
	note(a, 1000);
	assert_int_equal(guest_behind(b), GUEST_SPAN);
	note(b, 1);
	assert_int_equal(guest_behind(b), GUEST_SPAN - 1);
	guest_give(&a);
	guest_give(&b);
}

static void test_who_leaves_and_comes_back_has_gained_nothing(void **state)
{
	(void)state;
	struct guest *a = guest_take(guests, BYTES("a")), *b = guest_take(guests, BYTES("b"));
	note(b, GUEST_NEW + 2);
	guest_give(&a);
	a = guest_take(guests, BYTES("a"));
	assert_int_equal(guest_behind(a), 2);
	guest_give(&a);
	note(b, GUEST_SPAN);
	a = guest_take(guests, BYTES("a"));
	assert_int_equal(guest_behind(a), GUEST_NEW); /* as a new one */
	guest_give(&a);
	guest_give(&b);
}

static void test_so_many_that_have_gone_are_remembered_and_no_more(void **state)
{
	(void)state;
	char name[20];
	struct guest *here = guest_take(guests, BYTES("here"));
	struct guest *first = guest_take(guests, BYTES("first"));
	note(first, GUEST_NEW);
	guest_give(&first);
	for (unsigned i = 0; i < GUESTS_GONE_MAX; i++) {
		(void)snprintf(name, sizeof name, "t%u", i);
		struct guest *guest = guest_take(guests, bytes_of(name));
		guest_give(&guest);
	}
	first = guest_take(guests, BYTES("first"));
	assert_int_equal(guest_behind(first), GUEST_NEW); /* forgotten */
	guest_give(&first);
	guest_give(&here);
}

int main(void)
{
#define PROMISE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROMISE(test_who_had_fewer_turns_is_behind),
		PROMISE(test_turns_that_were_not_taken_are_not_saved_up),
		PROMISE(test_who_leaves_and_comes_back_has_gained_nothing),
		PROMISE(test_so_many_that_have_gone_are_remembered_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
