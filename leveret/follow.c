/* See follow.h.
 *
 *   lease -> waiting -> its lines written by the outlet -> acked
 *   ended before that -> released: its results come again
 *
 * The subscriber's queue is durable, so what is told gathers in it while nobody follows. */
#include "leveret/follow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leveret/follow_lines.h"
#include "leveret/following.h"
#include "leveret/held.h"
#include "leveret/outlet.h"
#include "leveret/program.h"
#include "lib/base/memory.h"

#define LIMIT_MS       10000
#define PREFETCH       100
#define PREFETCH_BYTES ((size_t)16 << 20)
#define WRITE_BYTES    ((size_t)1 << 20) /* about so much is written at once */
#define QUIET_MS       2000		 /* --once: so long without one, and all were told */
#define STOP_MS	       1000		 /* how long a stop waits for a slow reader */
#define AGAIN_MS       1000

struct follow {
	struct errand errand;
	struct following following;
	uint64_t line_max; /* 0: no limit */
	bool has_end;	   /* --once */

	size_t subscribed_count; /* patterns that the broker has */
	bool is_subscribing, is_ending;
	struct consumer *consumer;
	struct outlet *outlet;
	struct watch *reader; /* a pipe whose reader goes away */
	struct timer *again, *quiet, *stop;
	struct task write_task;
	struct follow_lines lines;
	struct held_list waiting, writing;
};

/* ---- the end ---- */

static void end(struct follow *follow, int code)
{
	follow->is_ending = true;
	errand_end(&follow->errand, code);
}

/* What was not written, or is being written to somebody who does not read, comes again. */
static void finish(struct errand *errand)
{
	struct follow *follow = errand->owner;
	held_release_all(&follow->writing);
	held_release_all(&follow->waiting);
	consumer_free(&follow->consumer);
	outlet_free(&follow->outlet);
	watch_free(&follow->reader);
	timer_free(&follow->again);
	timer_free(&follow->quiet);
	timer_free(&follow->stop);
	task_cancel(&follow->write_task, errand->loop);
}

static void stop_is_late(void *owner)
{
	end(owner, EXIT_DONE);
}

static void interrupted(struct errand *errand)
{
	struct follow *follow = errand->owner;
	if (follow->is_ending)
		return;
	follow->is_ending = true;
	if (follow->consumer)
		(void)fprintf(stderr,
			      "leveret: what is told goes on gathering for \"%s\"; leveret results "
			      "unfollow ends that\n",
			      follow->following.queue);
	if (follow->outlet && outlet_is_busy(follow->outlet))
		timer_start(follow->stop, STOP_MS);
	else
		end(follow, EXIT_DONE);
}

static void output_failed(struct follow *follow, int error_number)
{
	(void)fprintf(stderr, "leveret: standard output: %s; what it did not take comes again\n",
		      strerror(error_number));
	end(follow, EXIT_FAILED);
}

/* Nothing can be read from a pipe's writing end: it becomes ready only when the last reader has gone. */
static void reader_gone(void *owner, bool can_read, bool can_write)
{
	struct follow *follow = owner;
	(void)can_write;
	if (can_read)
		output_failed(follow, EPIPE);
}

static void is_quiet(void *owner)
{
	struct follow *follow = owner;
	bool has_work = !STAILQ_EMPTY(&follow->waiting) || !STAILQ_EMPTY(&follow->writing);
	if (has_work || broker_state(follow->errand.broker) == BROKER_AWAY)
		timer_start(follow->quiet, QUIET_MS);
	else
		end(follow, EXIT_DONE);
}

/* ---- leases to lines ---- */

static void take_in(struct follow *follow, struct held *held)
{
	struct why why = {""};
	if (lease_is_lost(held->lease)) { /* not written yet: the one that comes again will be */
		held_ack(&held);
		return;
	}
	enum err err = follow_lines_add(&follow->lines, held->lease, &why);
	if (!err) {
		STAILQ_INSERT_TAIL(&follow->writing, held, next);
		return;
	}
	(void)fprintf(stderr, "leveret: a batch is buried: %s\n", why.text);
	lease_bury(&held->lease, why.text);
	free(held);
}

static bool is_full(const struct follow *follow)
{
	return follow->line_max > 0 && follow->lines.count >= follow->line_max;
}

static void ack_written(struct follow *follow)
{
	held_ack_all(&follow->writing);
	if (is_full(follow))
		end(follow, EXIT_DONE);
}

static void write_waiting(void *owner)
{
	struct follow *follow = owner;
	struct held *held;
	if (follow->is_ending || outlet_is_busy(follow->outlet))
		return;
	while (!is_full(follow) && follow->lines.text.len < WRITE_BYTES &&
	       (held = held_take(&follow->waiting))) {
		take_in(follow, held);
	}
	if (follow->lines.text.len > 0)
		outlet_write(follow->outlet, &follow->lines.text);
	else
		ack_written(follow); /* all of them were older than --from-now */
}

static void on_written(void *owner, int error_number)
{
	struct follow *follow = owner;
	bool was_ending = follow->is_ending;
	if (error_number) {
		output_failed(follow, error_number);
		return;
	}
	ack_written(follow);
	if (was_ending)
		end(follow, EXIT_DONE);
	else
		write_waiting(follow);
}

static void on_taken(void *owner, struct lease *lease)
{
	struct follow *follow = owner;
	held_add(&follow->waiting, lease);
	loop_defer(follow->errand.loop, &follow->write_task);
	if (follow->has_end)
		timer_start(follow->quiet, QUIET_MS);
}

/* ---- subscribing ---- */

static void consume(struct follow *follow)
{
	const struct consumer_options options = {.queue = follow->following.queue,
						 .prefetch = PREFETCH,
						 .prefetch_bytes = PREFETCH_BYTES};
	if (follow->consumer)
		return; /* the broker was away: it consumes on by itself */
	(void)fprintf(stderr, "leveret: following \"%s\"\n", follow->following.queue);
	follow->consumer = consumer_new(follow->errand.broker, &options, on_taken, follow);
	if (follow->has_end)
		timer_start(follow->quiet, QUIET_MS);
}

static void on_subscribed(void *owner, enum err err);

static void subscribe(void *owner)
{
	struct follow *follow = owner;
	follow->is_subscribing = true;
	broker_subscribe(follow->errand.broker, follow->following.queue,
			 follow->following.patterns[follow->subscribed_count], on_subscribed,
			 follow);
}

static void on_subscribed(void *owner, enum err err)
{
	struct follow *follow = owner;
	follow->is_subscribing = false;
	if (follow->is_ending)
		return;
	if (!err && ++follow->subscribed_count < follow->following.pattern_count) {
		subscribe(follow);
	} else if (!err) {
		consume(follow);
	} else if (err == E_REFUSED || err == E_NOT_FOUND) {
		(void)fprintf(stderr, "leveret: the broker refuses the queue %s: %s\n",
			      follow->following.queue, err_text(err));
		end(follow, EXIT_REFUSED);
	} else {
		timer_start(follow->again, AGAIN_MS);
	}
}

static void begin(struct errand *errand)
{
	struct follow *follow = errand->owner;
	struct stat status;
	const struct outlet_options options = {
		.fd = STDOUT_FILENO, .written = on_written, .owner = follow};
	errand_has_no_limit(errand);
	follow->write_task = (struct task){.run = write_waiting, .owner = follow};
	follow->outlet = outlet_new(errand->loop, &options);
	follow->again = timer_new(errand->loop, subscribe, follow);
	follow->quiet = timer_new(errand->loop, is_quiet, follow);
	follow->stop = timer_new(errand->loop, stop_is_late, follow);
	if (fstat(STDOUT_FILENO, &status) == 0 && S_ISFIFO(status.st_mode)) {
		follow->reader = watch_new(errand->loop, STDOUT_FILENO, reader_gone, follow);
		watch_want(follow->reader, true, false);
	}
	if (follow->lines.from_wall_ms > 0)
		follow->lines.from_wall_ms = loop_wall_ms(errand->loop);
	subscribe(follow);
}

/* A broker that comes back may have lost the queue; making it again does nothing where it stands. */
static void state_changed(struct errand *errand, enum broker_state state)
{
	struct follow *follow = errand->owner;
	(void)fprintf(stderr,
		      state == BROKER_AWAY
			      ? "leveret: the broker is away; following goes on when it is back\n"
			      : "leveret: the broker is there\n");
	if (state == BROKER_AWAY || follow->is_subscribing || follow->is_ending)
		return;
	timer_stop(follow->again);
	follow->subscribed_count = 0;
	subscribe(follow);
}

/* ---- follow ---- */

static bool read_limit(const struct options *options, uint64_t *ret)
{
	const char *limit = options_value(options, "limit", NULL);
	if (!limit || (bytes_to_u64(bytes_of(limit), UINT64_MAX, ret) && *ret > 0))
		return true;
	(void)fprintf(stderr, "leveret: --limit takes a number of lines, not \"%s\"\n", limit);
	return false;
}

int follow_run(const struct options *options, bool is_of_events)
{
	struct why why = {""};
	struct follow follow = {
		.errand = {.begin = begin,
			   .finish = finish,
			   .state_changed = state_changed,
			   .interrupted = interrupted},
		.has_end = options_has(options, "once"),
	};
	follow.errand.owner = &follow;
	STAILQ_INIT(&follow.waiting);
	STAILQ_INIT(&follow.writing);
	if (following_make(options, is_of_events, &follow.following, &why) != OK) {
		(void)fprintf(stderr, "leveret: %s\n", why.text);
		return EXIT_USAGE;
	}
	if (!read_limit(options, &follow.line_max))
		return EXIT_USAGE;
	follow_lines_init(&follow.lines, WRITE_BYTES);
	follow.lines.from_wall_ms =
		options_has(options, "from-now"); /* the time is taken at begin */
	int code = errand_run(&follow.errand, options, LIMIT_MS);
	follow_lines_done(&follow.lines);
	return code;
}
