/* leveret queue export: every message of the chosen queues into a file.
 *
 *   look at all queues -> take from each that holds some, one after the other -> look again ... until twice nothing is found
 *   lease -> waiting -> written and synced by the outlet -> acked (--copy: kept until its queue is empty, then released)
 *
 * Looking twice is for what moved between two queues while the first look went over them: a wait that ended. */
#include "leveret/queue_export.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leveret/held.h"
#include "leveret/moving.h"
#include "leveret/outlet.h"
#include "leveret/program.h"
#include "leveret/queue_sources.h"
#include "lib/base/memory.h"

#define LIMIT_MS	    10000
#define AWAY_LIMIT_MS	    60000
#define PREFETCH	    500
#define PREFETCH_BYTES	    ((size_t)64 << 20)
#define COPY_PREFETCH	    65535 /* AMQP's most */
#define COPY_PREFETCH_BYTES ((size_t)1 << 30)
#define WRITE_BYTES	    ((size_t)16 << 20) /* about so much in one write and sync */
#define FIRST_MS	    3000 /* a queue that holds messages gives one in this time, or others take them */
#define QUIET_MS	    300 /* then so long without one, and it is empty */
#define LOOK_AGAIN_MS	    300
#define LOOKS_NEEDED	    2

struct exporting {
	struct errand errand;
	const struct queue_export_options *options;
	struct outlet *outlet;
	struct queue_sources sources;
	struct queue_source *source; /* whose messages are being taken; NULL: none */
	struct consumer *consumer;
	struct timer *quiet, *look;
	struct task write_task;
	struct held_list waiting, writing, copied;
	size_t copied_count, copied_bytes;
	struct buf out;
	unsigned empty_looks;
	uint64_t count;
	bool is_interrupted, is_ending, is_complete, has_failed;
};

static void look(void *owner);
static void take_next(struct exporting *exporting);

/* ---- the end ---- */

static void end(struct exporting *exporting, int code)
{
	exporting->is_ending = true;
	errand_end(&exporting->errand, code);
}

static void fail_with(struct exporting *exporting, const char *text)
{
	(void)fprintf(stderr, "leveret: %s\n", text);
	end(exporting, EXIT_FAILED);
}

static void finish(struct errand *errand)
{
	struct exporting *exporting = errand->owner;
	held_release_all(&exporting->writing);
	held_release_all(&exporting->waiting);
	held_release_all(&exporting->copied);
	consumer_free(&exporting->consumer);
	outlet_free(&exporting->outlet);
	timer_free(&exporting->quiet);
	timer_free(&exporting->look);
	task_cancel(&exporting->write_task, errand->loop);
}

static void write_end(struct exporting *exporting)
{
	const struct backlog_record record = {.is_end = true, .count = exporting->count};
	exporting->is_ending = true;
	enum err err = backlog_write(&record, &exporting->out);
	assert(err == OK); /* there is nothing else in it but the start of the file */
	outlet_write(exporting->outlet, &exporting->out);
}

/* All is in the file and settled: the end record makes it whole. */
static void conclude(struct exporting *exporting)
{
	if (exporting->is_interrupted)
		(void)fprintf(stderr, "leveret: interrupted: the rest is still in the broker\n");
	if (queue_sources_tell_stuck(&exporting->sources))
		exporting->has_failed = true;
	write_end(exporting);
}

static void interrupted(struct errand *errand)
{
	struct exporting *exporting = errand->owner;
	exporting->is_interrupted = true; /* seen when all that was taken is written */
	if (!errand->has_begun)
		end(exporting, EXIT_FAILED);
	else if (exporting->consumer)
		consumer_pause(exporting->consumer, true);
}

/* ---- leases to the file ---- */

static void settle_written(struct exporting *exporting)
{
	if (exporting->options->is_copy)
		STAILQ_CONCAT(&exporting->copied, &exporting->writing);
	else
		held_ack_all(&exporting->writing);
}

static enum err write_record(struct exporting *exporting, const struct lease *lease)
{
	struct backlog_record record;
	enum err err = moving_record(exporting->source->name, lease, &record);
	return err ? err : backlog_write(&record, &exporting->out);
}

/* Lost ones come again. False when the message cannot be exported. */
static bool take_in(struct exporting *exporting, struct held *held)
{
	enum err err = OK;
	if (lease_is_lost(held->lease)) {
		held_ack(&held);
		return true;
	}
	err = write_record(exporting, held->lease);
	STAILQ_INSERT_TAIL(&exporting->writing, held, next);
	if (err)
		(void)fprintf(stderr, "leveret: message %s of %s cannot be exported: %s\n",
			      lease_message_id(held->lease), exporting->source->name,
			      err_text(err));
	exporting->count += err == OK;
	exporting->source->count += err == OK;
	return err == OK;
}

static void write_waiting(void *owner)
{
	struct exporting *exporting = owner;
	struct held *held;
	if (outlet_is_busy(exporting->outlet) || exporting->is_ending)
		return;
	while (exporting->out.len < WRITE_BYTES && (held = held_take(&exporting->waiting))) {
		if (!take_in(exporting, held)) {
			end(exporting, EXIT_FAILED);
			return;
		}
	}
	if (exporting->out.len > 0)
		outlet_write(exporting->outlet, &exporting->out);
}

static void on_written(void *owner, int error_number)
{
	struct exporting *exporting = owner;
	if (error_number) {
		fail_with(
			exporting,
			error_number == ENOSPC
				? "the disk is full; what is not in the file is still in the broker"
				: strerror(error_number));
		return;
	}
	if (exporting->is_ending) {
		exporting->is_complete = true;
		end(exporting,
		    exporting->has_failed || exporting->is_interrupted ? EXIT_FAILED : EXIT_DONE);
		return;
	}
	settle_written(exporting);
	write_waiting(exporting);
}

static void on_taken(void *owner, struct lease *lease)
{
	struct exporting *exporting = owner;
	held_add(&exporting->waiting, lease);
	exporting->source->has_given = true;
	exporting->copied_count++;
	exporting->copied_bytes += lease_body(lease).len;
	loop_defer(exporting->errand.loop, &exporting->write_task);
	timer_start(exporting->quiet, QUIET_MS);
}

/* ---- queue after queue ---- */

static bool copy_is_full(const struct exporting *exporting)
{
	return exporting->options->is_copy && (exporting->copied_count >= COPY_PREFETCH ||
					       exporting->copied_bytes >= COPY_PREFETCH_BYTES);
}

/* The embedded engine leases only the first of what waits, until they are settled. By length of wait, some end meanwhile. */
static void check_copy(struct exporting *exporting)
{
	const struct queue_source *source = exporting->source;
	bool is_by_length =
		queue_is_waiting(source->name) && strcmp(source->name, QUEUE_WAITING) != 0;
	if (is_by_length || exporting->copied_count >= (size_t)source->ready)
		return;
	(void)fprintf(stderr,
		      "leveret: only %zu of the %" PRId64 " messages of %s could be copied\n",
		      exporting->copied_count, source->ready, source->name);
	exporting->has_failed = true;
}

/* Nothing came for a while. */
static void is_quiet(void *owner)
{
	struct exporting *exporting = owner;
	bool has_work = !STAILQ_EMPTY(&exporting->waiting) || !STAILQ_EMPTY(&exporting->writing) ||
			outlet_is_busy(exporting->outlet);
	bool is_away = broker_state(exporting->errand.broker) == BROKER_AWAY;
	if (has_work || is_away) {
		timer_start(exporting->quiet, is_away ? FIRST_MS : QUIET_MS);
		return;
	}
	if (copy_is_full(exporting)) {
		fail_with(exporting, "--copy keeps a queue's messages taken until all are written, "
				     "and this one holds more than 65,535, or 1 GiB");
		return;
	}
	exporting->source->is_stuck = !exporting->source->has_given && !exporting->is_interrupted &&
				      exporting->source->ready > 0;
	if (exporting->options->is_copy)
		check_copy(exporting);
	held_release_all(&exporting->copied);
	exporting->copied_count = exporting->copied_bytes = 0;
	consumer_free(&exporting->consumer);
	take_next(exporting);
}

static void take(struct exporting *exporting, struct queue_source *source)
{
	bool is_copy = exporting->options->is_copy;
	const struct consumer_options options = {
		.queue = source->name,
		.prefetch = is_copy ? COPY_PREFETCH : PREFETCH,
		.prefetch_bytes = is_copy ? COPY_PREFETCH_BYTES : PREFETCH_BYTES,
	};
	exporting->source = source;
	source->has_given = false;
	exporting->consumer = consumer_new(exporting->errand.broker, &options, on_taken, exporting);
	timer_start(exporting->quiet, FIRST_MS);
}

static void take_next(struct exporting *exporting)
{
	struct queue_source *source = queue_sources_next(&exporting->sources, exporting->source);
	exporting->source = NULL;
	if (exporting->is_interrupted)
		conclude(exporting);
	else if (source)
		take(exporting, source);
	else if (exporting->options->is_copy)
		/* all is back in its queue: another look would see it again */
		conclude(exporting);
	else
		timer_start(exporting->look, LOOK_AGAIN_MS);
}

/* ---- looking ---- */

static void on_queue(void *owner, const struct queue_status *status)
{
	struct exporting *exporting = owner;
	queue_sources_note(&exporting->sources, status);
}

static void on_looked(void *owner, enum err err)
{
	struct exporting *exporting = owner;
	if (exporting->is_ending)
		return;
	if (!err)
		queue_sources_looked(&exporting->sources);
	if (err) {
		timer_start(exporting->look, LOOK_AGAIN_MS);
	} else if (STAILQ_EMPTY(&exporting->sources.list)) {
		(void)fprintf(stderr, "leveret: there is no such queue\n");
		end(exporting, EXIT_NOT_FOUND);
	} else if (exporting->is_interrupted || (!queue_sources_next(&exporting->sources, NULL) &&
						 ++exporting->empty_looks >= LOOKS_NEEDED)) {
		conclude(exporting);
	} else if (!queue_sources_next(&exporting->sources, NULL)) {
		timer_start(exporting->look, LOOK_AGAIN_MS);
	} else {
		exporting->empty_looks = 0;
		take_next(exporting);
	}
}

static void look(void *owner)
{
	struct exporting *exporting = owner;
	broker_inspect(exporting->errand.broker, false, on_queue, on_looked, exporting);
}

/* ---- the errand ---- */

static void begin(struct errand *errand)
{
	struct exporting *exporting = errand->owner;
	const struct outlet_options options = {.fd = exporting->options->fd,
					       .syncs = true,
					       .written = on_written,
					       .owner = exporting};
	errand_has_no_limit(errand);
	exporting->write_task = (struct task){.run = write_waiting, .owner = exporting};
	exporting->outlet = outlet_new(errand->loop, &options);
	exporting->quiet = timer_new(errand->loop, is_quiet, exporting);
	exporting->look = timer_new(errand->loop, look, exporting);
	look(exporting);
}

static void state_changed(struct errand *errand, enum broker_state state)
{
	if (state == BROKER_AWAY)
		timer_start(errand->limit, AWAY_LIMIT_MS);
	else
		timer_stop(errand->limit);
}

int queue_export(const struct options *line, const struct queue_export_options *options,
		 uint64_t *ret_count)
{
	struct exporting exporting = {
		.errand = {.begin = begin,
			   .finish = finish,
			   .state_changed = state_changed,
			   .interrupted = interrupted},
		.options = options,
	};
	exporting.errand.owner = &exporting;
	STAILQ_INIT(&exporting.sources.list);
	exporting.sources.options = options;
	STAILQ_INIT(&exporting.waiting);
	STAILQ_INIT(&exporting.writing);
	STAILQ_INIT(&exporting.copied);
	buf_init(&exporting.out, WRITE_BYTES + BACKLOG_SIZE_MAX);
	int code = EXIT_FAILED;
	if (buf_append_text(&exporting.out, BACKLOG_START) == OK)
		code = errand_run(&exporting.errand, line, LIMIT_MS);
	if (exporting.is_complete)
		queue_sources_tell(&exporting.sources, exporting.count,
				   options->fd == STDOUT_FILENO ? stderr : stdout);
	*ret_count = exporting.count;
	buf_done(&exporting.out);
	queue_sources_done(&exporting.sources);
	return code;
}
