/* The loop's promises about order: tasks before the next poll, posts in order, timers once. */
#include "tests/check.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "lib/loop/loop.h"

struct trace {
	struct loop *loop;
	char text[32];
	struct task first, second;
	struct timer *timer;
	struct watch *watch;
	int fds[2];
};

static void note(struct trace *trace, char letter)
{
	size_t len = strlen(trace->text);
	assert_true(len + 1 < sizeof trace->text);
	trace->text[len] = letter;
}

static void run_second(void *owner)
{
	struct trace *trace = owner;
	note(trace, '2');
	loop_stop(trace->loop);
}

static void run_first(void *owner)
{
	struct trace *trace = owner;
	note(trace, '1');
	loop_defer(trace->loop, &trace->second);
	loop_defer(trace->loop, &trace->second);
}

static void test_a_task_may_queue_another_which_runs_once_without_sleep(void **state)
{
	(void)state;
	struct trace trace = {.loop = loop_new()};
	trace.first = (struct task){.run = run_first, .owner = &trace};
	trace.second = (struct task){.run = run_second, .owner = &trace};
	loop_defer(trace.loop, &trace.first);
	loop_run(trace.loop);
	assert_string_equal(trace.text, "12");
	loop_free(&trace.loop);
}

static void test_a_cancelled_task_does_not_run(void **state)
{
	(void)state;
	struct trace trace = {.loop = loop_new()};
	trace.first = (struct task){.run = run_first, .owner = &trace};
	trace.second = (struct task){.run = run_second, .owner = &trace};
	loop_defer(trace.loop, &trace.first);
	loop_defer(trace.loop, &trace.second);
	task_cancel(&trace.first, trace.loop);
	loop_run(trace.loop);
	assert_string_equal(trace.text, "2");
	loop_free(&trace.loop);
}

static void timer_restarts(void *owner)
{
	struct trace *trace = owner;
	note(trace, 't');
	assert_false(timer_is_running(trace->timer));
	if (strlen(trace->text) < 3)
		timer_start(trace->timer, 0);
	else
		loop_stop(trace->loop);
}

static void test_a_timer_fires_once_per_start(void **state)
{
	(void)state;
	struct trace trace = {.loop = loop_new()};
	trace.timer = timer_new(trace.loop, timer_restarts, &trace);
	timer_start(trace.timer, 100000);
	timer_start(trace.timer, 1);
	loop_run(trace.loop);
	assert_string_equal(trace.text, "ttt");
	timer_free(&trace.timer);
	loop_free(&trace.loop);
}

static void posted_a(void *owner)
{
	note(owner, 'a');
}

static void posted_b(void *owner)
{
	struct trace *trace = owner;
	note(trace, 'b');
	loop_stop(trace->loop);
}

static void *poster(void *owner)
{
	struct trace *trace = owner;
	loop_post(trace->loop, posted_a, trace);
	loop_post(trace->loop, posted_b, trace);
	return NULL;
}

static void test_posts_of_another_thread_run_in_order(void **state)
{
	(void)state;
	struct trace trace = {.loop = loop_new()};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, poster, &trace), 0);
	loop_run(trace.loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(trace.text, "ab");
	loop_free(&trace.loop);
}

static void pipe_ready(void *owner, bool can_read, bool can_write)
{
	struct trace *trace = owner;
	char byte;
	assert_false(can_write);
	assert_true(can_read && read(trace->fds[0], &byte, 1) == 1);
	note(trace, byte);
	if (byte == 'y')
		loop_stop(trace->loop);
}

static void test_a_watch_tells_of_readable_bytes_until_it_wants_none(void **state)
{
	(void)state;
	struct trace trace = {.loop = loop_new()};
	assert_int_equal(pipe(trace.fds), 0);
	trace.watch = watch_new(trace.loop, trace.fds[0], pipe_ready, &trace);
	watch_want(trace.watch, true, false);
	assert_int_equal(write(trace.fds[1], "xy", 2), 2);
	loop_run(trace.loop);
	assert_string_equal(trace.text, "xy");
	watch_free(&trace.watch);
	close(trace.fds[0]);
	close(trace.fds[1]);
	loop_free(&trace.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_task_may_queue_another_which_runs_once_without_sleep),
		cmocka_unit_test(test_a_cancelled_task_does_not_run),
		cmocka_unit_test(test_a_timer_fires_once_per_start),
		cmocka_unit_test(test_posts_of_another_thread_run_in_order),
		cmocka_unit_test(test_a_watch_tells_of_readable_bytes_until_it_wants_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
