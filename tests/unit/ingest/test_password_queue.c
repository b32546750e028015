/* Networks take turns, and the one with the most gives up a place. */
#include "tests/check.h"

#include "ingest/password_queue.h"

#define A BYTES("a")
#define B BYTES("b")
#define C BYTES("c")

struct fixture {
	struct password_queue *queue;
	struct password_turn turns[2 * PASSWORD_QUEUE_MAX], *dropped;
	size_t count;
};

static int set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){.queue = password_queue_new()};
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	password_queue_free(&((struct fixture *)*state)->queue);
	return 0;
}

static bool add(struct fixture *f, struct bytes network)
{
	struct password_turn *turn = &f->turns[f->count++];
	turn->owner = turn;
	return password_queue_add(f->queue, network, turn, &f->dropped);
}

static void assert_next(struct fixture *f, size_t number)
{
	assert_ptr_equal(password_queue_take(f->queue), &f->turns[number]);
}

static void test_networks_take_turns(void **state)
{
	struct fixture *f = *state;
	assert_null(password_queue_take(f->queue));
	for (size_t i = 0; i < 3; i++)
		assert_true(add(f, A)); /* 0 1 2 */
	assert_true(add(f, B));		/* 3 */
	assert_true(add(f, C));		/* 4 */
	assert_true(add(f, B));		/* 5 */
	static const size_t order[] = {0, 3, 4, 1, 5, 2};
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		assert_next(f, order[i]);
	assert_null(password_queue_take(f->queue));
}

static void test_who_asks_for_most_gives_up_a_place(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < PASSWORD_QUEUE_MAX; i++)
		assert_true(add(f, A));
	assert_false(add(f, A));
	assert_null(f->dropped);
	assert_true(add(f, B));
	assert_ptr_equal(f->dropped, &f->turns[PASSWORD_QUEUE_MAX - 1]); /* A's last one */
	assert_true(add(f, B));
	assert_ptr_equal(f->dropped, &f->turns[PASSWORD_QUEUE_MAX - 2]);
	assert_next(f, 0);
	assert_next(f, PASSWORD_QUEUE_MAX + 1);
}

static void test_between_equals_who_comes_late_goes_away(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < PASSWORD_QUEUE_MAX; i++)
		assert_true(add(f, i % 2 ? A : B));
	assert_false(add(f, A));
	assert_false(add(f, B));
	assert_true(add(f, C));
	assert_non_null(f->dropped);
}

static void test_many_networks_have_a_place_each(void **state)
{
	struct fixture *f = *state;
	for (uint8_t i = 0; i < PASSWORD_QUEUE_MAX; i++)
		assert_true(add(f, bytes_from(&i, 1)));
	assert_false(add(f, BYTES("one more")));
	assert_null(f->dropped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_networks_take_turns),
		T(test_who_asks_for_most_gives_up_a_place),
		T(test_between_equals_who_comes_late_goes_away),
		T(test_many_networks_have_a_place_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
