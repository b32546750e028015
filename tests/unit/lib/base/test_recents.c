/* A bounded table by last use. */
#include "tests/check.h"

#include "lib/base/recents.h"

struct item {
	int number;
	bool is_kept;
};

static int done_count;

static bool may_go(const void *entry)
{
	return !((const struct item *)entry)->is_kept;
}

static void on_done(void *entry)
{
	(void)entry;
	done_count++;
}

static const struct recents_type type = {
	.size = sizeof(struct item), .max = 3, .may_go = may_go, .done = on_done};

static struct item *use(struct recents *recents, const char *key, int number)
{
	struct item *item = recents_use(recents, bytes_of(key));
	item->number = number;
	return item;
}

static void test_the_one_unused_longest_makes_room(void **state)
{
	struct recents *recents = recents_new(&type);
	(void)state;
	use(recents, "a", 1);
	use(recents, "b", 2);
	use(recents, "c", 3);
	assert_int_equal(((struct item *)recents_use(recents, BYTES("a")))->number, 1);
	use(recents, "d", 4);
	assert_null(recents_find(recents, BYTES("b")));
	assert_int_equal(((struct item *)recents_find(recents, BYTES("a")))->number, 1);
	assert_int_equal(recents_count(recents), 3);
	recents_free(&recents);
	assert_null(recents);
}

static void test_what_may_not_go_stays_even_beyond_the_maximum(void **state)
{
	struct recents *recents = recents_new(&type);
	(void)state;
	use(recents, "a", 1)->is_kept = true;
	use(recents, "b", 2)->is_kept = true;
	use(recents, "c", 3)->is_kept = true;
	use(recents, "d", 4);
	assert_int_equal(recents_count(recents), 4);
	use(recents, "e", 5);
	assert_null(recents_find(recents, BYTES("d")));
	assert_non_null(recents_find(recents, BYTES("a")));
	recents_free(&recents);
}

static void test_each_entry_is_done_once(void **state)
{
	struct recents *recents = recents_new(&type);
	(void)state;
	done_count = 0;
	for (int i = 0; i < 5; i++)
		(void)recents_use(recents, bytes_from(&i, sizeof i));
	assert_int_equal(done_count, 2);
	int last = 4;
	recents_drop(recents, bytes_from(&last, sizeof last));
	recents_drop(recents, bytes_from(&last, sizeof last));
	assert_int_equal(done_count, 3);
	recents_free(&recents);
	assert_int_equal(done_count, 5);
	recents_free(&recents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_one_unused_longest_makes_room),
		cmocka_unit_test(test_what_may_not_go_stays_even_beyond_the_maximum),
		cmocka_unit_test(test_each_entry_is_done_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
