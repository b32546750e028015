/* Work on another thread: in order, told on the loop, and never owed when the offload is gone. */
#include "tests/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/loop/offload.h"

#define COUNT 100

struct job {
	struct work work;
	struct fixture *fixture;
	int turn;
	bool was_run;
	pthread_t ran_on;
};

struct fixture {
	struct loop *loop;
	struct offload *offload;
	struct job jobs[COUNT];
	int run_count, done_count;
	pthread_barrier_t both;
};

static void run(void *owner)
{
	struct job *job = owner;
	job->was_run = true;
	job->ran_on = pthread_self();
	job->turn = job->fixture->run_count++;
}

static void done(void *owner)
{
	struct job *job = owner;
	struct fixture *f = job->fixture;
	f->done_count++;
	if (f->done_count == COUNT)
		loop_stop(f->loop);
}

static void ask(struct fixture *f, int number, void (*how)(void *owner))
{
	struct job *job = &f->jobs[number];
	job->fixture = f;
	job->work = (struct work){.run = how, .done = done, .owner = job};
	offload_ask(f->offload, &job->work);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->loop = loop_new();
	f->offload = offload_new(f->loop, 1);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	offload_free(&f->offload);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static void test_work_is_run_elsewhere_in_order_and_told_on_the_loop(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < COUNT; i++)
		ask(f, i, run);
	assert_int_equal(f->done_count, 0);
	loop_run(f->loop);
	assert_int_equal(f->done_count, COUNT);
	assert_int_equal(f->run_count, COUNT);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(f->jobs[i].turn, i);
		assert_false(pthread_equal(f->jobs[i].ran_on, pthread_self()));
	}
}

static void run_slowly(void *owner)
{
	(void)usleep(50000);
	((struct job *)owner)->was_run = true;
}

static void test_freeing_tells_of_everything(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 10; i++)
		ask(f, i, run_slowly);
	(void)usleep(20000);
	offload_free(&f->offload);
	assert_int_equal(f->done_count, 10);
	assert_true(f->jobs[0].was_run);
	assert_false(f->jobs[9].was_run);
}

/* Each waits until the other is there too. */
static void run_with_the_other(void *owner)
{
	struct job *job = owner;
	(void)pthread_barrier_wait(&job->fixture->both);
	job->was_run = true;
}

static void test_threads_work_side_by_side(void **state)
{
	struct fixture *f = *state;
	offload_free(&f->offload);
	f->offload = offload_new(f->loop, 2);
	pthread_barrier_init(&f->both, NULL, 2);
	f->done_count = COUNT - 2;
	ask(f, 0, run_with_the_other);
	ask(f, 1, run_with_the_other);
	loop_run(f->loop);
	assert_true(f->jobs[0].was_run && f->jobs[1].was_run);
	pthread_barrier_destroy(&f->both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_work_is_run_elsewhere_in_order_and_told_on_the_loop, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_threads_work_side_by_side, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_freeing_tells_of_everything, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
