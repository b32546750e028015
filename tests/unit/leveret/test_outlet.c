/* A slow reader never stops the loop, and what it took is told only when it took it. */
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "leveret/outlet.h"

#define LARGE ((size_t)1 << 20) /* more than a pipe holds */

struct fixture {
	struct loop *loop;
	struct outlet *outlet;
	struct timer *tick;
	int ends[2]; /* of a pipe */
	int tick_count, written_count, error_number;
	size_t read_count;
};

static void on_written(void *owner, int error_number)
{
	struct fixture *f = owner;
	f->written_count++;
	f->error_number = error_number;
	loop_stop(f->loop);
}

/* The reader: sleeps three ticks, then takes all there is at each. */
static void on_tick(void *owner)
{
	struct fixture *f = owner;
	char piece[65536];
	ssize_t got = 0;
	if (++f->tick_count > 3)
		while ((got = read(f->ends[0], piece, sizeof piece)) > 0)
			f->read_count += (size_t)got;
	timer_start(f->tick, 1);
}

static void set_up(struct fixture *f)
{
	*f = (struct fixture){.loop = loop_new()};
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(f->ends), 0);
	assert_int_equal(fcntl(f->ends[0], F_SETFL, O_NONBLOCK), 0);
	const struct outlet_options options = {
		.fd = f->ends[1], .syncs = true, .written = on_written, .owner = f};
	f->outlet = outlet_new(f->loop, &options);
	f->tick = timer_new(f->loop, on_tick, f);
}

static void tear_down(struct fixture *f)
{
	outlet_free(&f->outlet);
	timer_free(&f->tick);
	loop_free(&f->loop);
	(void)close(f->ends[0]);
	(void)close(f->ends[1]);
}

static void give(struct fixture *f, size_t size)
{
	struct buf bytes;
	buf_init(&bytes, size);
	memset(buf_reserve(&bytes, size), 'x', size);
	buf_commit(&bytes, size);
	outlet_write(f->outlet, &bytes);
	assert_int_equal(bytes.len, 0);
	assert_true(outlet_is_busy(f->outlet));
	buf_done(&bytes);
}

static void test_the_loop_goes_on_while_the_reader_sleeps(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	give(&f, LARGE);
	timer_start(f.tick, 1);
	loop_run(f.loop);
	assert_true(f.tick_count > 3);
	assert_int_equal(f.written_count, 1);
	assert_int_equal(f.error_number, 0);
	assert_false(outlet_is_busy(f.outlet));
	on_tick(&f);
	assert_int_equal(f.read_count, LARGE);
	give(&f, 10);
	loop_run(f.loop);
	assert_int_equal(f.written_count, 2);
	tear_down(&f);
}

static void test_a_reader_that_left_is_an_error(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	(void)close(f.ends[0]);
	give(&f, 10);
	loop_run(f.loop);
	assert_int_equal(f.error_number, EPIPE);
	f.ends[0] = f.ends[1];
	f.ends[1] = -1;
	tear_down(&f);
}

static void test_a_write_that_hangs_is_left_behind(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	give(&f, LARGE);
	tear_down(&f); /* ends the hang, too: the pipe breaks */
	assert_int_equal(f.written_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_loop_goes_on_while_the_reader_sleeps),
		cmocka_unit_test(test_a_reader_that_left_is_an_error),
		cmocka_unit_test(test_a_write_that_hangs_is_left_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
