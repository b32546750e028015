/* When a table's positions were its end. */
#include "broker/replica_times.h"

#include "tests/check.h"

#define HOUR INT64_C(3600000)

static uint64_t place_at(const struct replica_times *times, int64_t wall_ms)
{
	uint64_t place = 0;
	assert_true(times_place(times, wall_ms, &place));
	return place;
}

static void test_of_what_was_never_noted_nothing_is_known(void **state)
{
	struct replica_times times;
	uint64_t place;
	(void)state;
	times_read(&times, BYTES_NONE);
	assert_false(times_place(&times, HOUR, &place));
	times_read(&times, BYTES("not ours"));
	assert_int_equal(times.count, 0);
}

static void test_an_age_is_that_of_the_sample_before_it(void **state)
{
	struct replica_times times = {0};
	(void)state;
	assert_true(times_note(&times, 100, 10 * HOUR, HOUR));
	assert_false(times_note(&times, 150, 10 * HOUR + HOUR / 2, HOUR));
	assert_true(times_note(&times, 200, 11 * HOUR, HOUR));
	assert_true(times_note(&times, 300, 12 * HOUR, HOUR));
	assert_int_equal(place_at(&times, 12 * HOUR), 300);
	assert_int_equal(place_at(&times, 12 * HOUR - 1), 200);
	assert_int_equal(place_at(&times, 11 * HOUR), 200);
	assert_int_equal(place_at(&times, 5 * HOUR), 100); /* older than any: not known, so old */
}

static void test_it_comes_back_from_its_bytes(void **state)
{
	struct replica_times times = {0}, read;
	(void)state;
	(void)times_note(&times, 100, 10 * HOUR, HOUR);
	(void)times_note(&times, 200, 11 * HOUR, HOUR);
	times_read(&read, times_bytes(&times));
	assert_int_equal(read.count, 2);
	assert_int_equal(place_at(&read, 11 * HOUR), 200);
}

static void test_a_clock_set_back_and_a_table_made_anew_are_believed(void **state)
{
	struct replica_times times = {0};
	(void)state;
	(void)times_note(&times, 100, 10 * HOUR, HOUR);
	(void)times_note(&times, 200, 20 * HOUR, HOUR);
	assert_true(times_note(&times, 210, 15 * HOUR, HOUR));
	assert_int_equal(times.count, 2);
	assert_int_equal(place_at(&times, 15 * HOUR), 210);
	assert_true(times_note(&times, 5, 16 * HOUR, HOUR));
	assert_int_equal(times.count, 1);
	assert_int_equal(place_at(&times, 16 * HOUR), 5);
}

static void test_the_oldest_goes_when_there_are_too_many(void **state)
{
	struct replica_times times = {0};
	(void)state;
	for (int i = 0; i <= TIMES_MAX; i++)
		assert_true(times_note(&times, (uint64_t)i, i * HOUR, HOUR));
	assert_int_equal(times.count, TIMES_MAX);
	assert_int_equal(place_at(&times, 0), 1);
	assert_int_equal(place_at(&times, TIMES_MAX * HOUR), TIMES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_what_was_never_noted_nothing_is_known),
		cmocka_unit_test(test_an_age_is_that_of_the_sample_before_it),
		cmocka_unit_test(test_it_comes_back_from_its_bytes),
		cmocka_unit_test(test_a_clock_set_back_and_a_table_made_anew_are_believed),
		cmocka_unit_test(test_the_oldest_goes_when_there_are_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
