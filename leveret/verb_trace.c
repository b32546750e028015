/* leveret trace: what workers say to hosts and hear from them, as it happens.
 *
 *   wish --(every 1.5 s)--> all workers --> lines --> outlet
 *   --for, --limit, a signal --> the wish ends --> what is left, for a moment --> out
 *
 * A reader that is slow fills a buffer here; what is over it is dropped and counted, as it is in workers and on the way. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leveret/outlet.h"
#include "leveret/program.h"
#include "leveret/trace_request.h"
#include "leveret/verbs.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"
#include "workers/taps/tap_counts.h"

#define LIMIT_MS    20000
#define SILENCE_MS  4000 /* so long without any worker, and there is none */
#define FAREWELL_MS 400	 /* for what workers still have */
#define STOP_MS	    1000 /* how long a stop waits for a slow reader */
#define LINES_MAX   ((size_t)4 << 20)
#define WISH_MAX    4096
#define NOTICE_ROOM (TAP_WORKER_MAX * 6 + 200)

struct tracing {
	struct errand errand;
	struct trace_request request;

	struct asking *asking, *before; /* answers to the question before may be on their way */
	struct timer *renew, *silence, *end;
	struct watch *reader; /* a pipe whose reader goes away */
	struct outlet *outlet;
	struct buf lines;
	struct tap_counts *counts;
	uint64_t line_count, missed_count;
	bool is_ending, is_left;
};

/* ---- writing ---- */

static void leave(struct tracing *tracing)
{
	if (tracing->is_left)
		return;
	tracing->is_left = true;
	size_t workers = tap_counts_workers(tracing->counts);
	if (workers == 0)
		(void)fprintf(stderr, "leveret: no worker answered\n");
	else
		(void)fprintf(stderr,
			      "leveret: %zu workers answered; %" PRIu64 " lines, %" PRIu64
			      " more were dropped\n",
			      workers, tracing->line_count, tracing->missed_count);
	errand_end(&tracing->errand, workers > 0 ? EXIT_DONE : EXIT_NO_SERVER);
}

static void write_lines(struct tracing *tracing)
{
	if (outlet_is_busy(tracing->outlet))
		return;
	if (tracing->lines.len > 0)
		outlet_write(tracing->outlet, &tracing->lines);
	else if (tracing->is_ending && !timer_is_running(tracing->renew))
		leave(tracing);
}

static void output_failed(struct tracing *tracing, int error_number)
{
	(void)fprintf(stderr, "leveret: standard output: %s\n", strerror(error_number));
	tracing->is_left = true;
	errand_end(&tracing->errand, EXIT_FAILED);
}

static void on_written(void *owner, int error_number)
{
	if (error_number)
		output_failed(owner, error_number);
	else
		write_lines(owner);
}

/* Nothing can be read from a pipe's writing end: it becomes ready only when the last reader has gone. */
static void reader_gone(void *owner, bool can_read, bool can_write)
{
	(void)can_write;
	if (can_read)
		output_failed(owner, EPIPE);
}

/* ---- asking ---- */

static void on_answer(void *owner, struct bytes answer);

static void ask(struct tracing *tracing)
{
	struct buf question;
	buf_init(&question, WISH_MAX);
	if (tap_wish_write(&tracing->request.wish, &question) == OK) {
		asking_free(&tracing->before);
		tracing->before = tracing->asking;
		tracing->asking = broker_ask(tracing->errand.broker, buf_bytes(&question),
					     on_answer, tracing);
	}
	buf_done(&question);
}

static void on_stop_is_late(void *owner)
{
	leave(owner);
}

static void on_farewell_over(struct tracing *tracing)
{
	timer_stop(tracing->end);
	timer_free(&tracing->end);
	tracing->end = timer_new(tracing->errand.loop, on_stop_is_late, tracing);
	timer_start(tracing->end, STOP_MS);
	write_lines(tracing);
}

static void on_renew(void *owner)
{
	struct tracing *tracing = owner;
	if (tracing->is_ending) {
		on_farewell_over(tracing);
		return;
	}
	ask(tracing);
	timer_start(tracing->renew, TAP_RENEW_MS);
}

static void stop(void *owner)
{
	struct tracing *tracing = owner;
	if (tracing->is_ending)
		return;
	tracing->is_ending = true;
	tracing->request.wish.ends = true;
	ask(tracing);
	timer_start(tracing->renew, FAREWELL_MS);
}

static void on_silence(void *owner)
{
	struct tracing *tracing = owner;
	if (tap_counts_workers(tracing->counts) == 0)
		leave(tracing);
}

static void interrupted(struct errand *errand)
{
	struct tracing *tracing = errand->owner;
	if (errand->has_begun)
		stop(tracing);
	else
		errand_end(errand, EXIT_DONE);
}

/* ---- answers ---- */

/* Workers escape what hosts say. Whoever else may speak on the broker does not reach the terminal either. */
static enum err add_line(struct tracing *tracing, struct bytes line)
{
	size_t before = tracing->lines.len;
	enum err err = buf_append(&tracing->lines, line);
	if (err)
		return err;
	uint8_t *at = tracing->lines.data + tracing->lines.start + before;
	for (size_t i = 0; i + 1 < line.len; i++)
		if (at[i] < 0x20 || at[i] == 0x7f)
			at[i] = '?';
	return OK;
}

static bool is_full(const struct tracing *tracing)
{
	return tracing->request.line_max > 0 && tracing->line_count >= tracing->request.line_max;
}

/* Gives how many there were. */
static uint64_t take_lines(struct tracing *tracing, struct bytes lines)
{
	uint64_t count = 0;
	ptrdiff_t end;
	while ((end = bytes_find(lines, '\n')) >= 0) {
		struct bytes line = bytes_first(lines, (size_t)end + 1);
		count++;
		lines = bytes_skip(lines, line.len);
		if (is_full(tracing))
			continue;
		if (add_line(tracing, line) == OK)
			tracing->line_count++;
		else
			tracing->missed_count++;
	}
	return count;
}

static void tell_missed(struct tracing *tracing, const char *worker, uint64_t missed)
{
	char name[TAP_WORKER_MAX * 6 + 1];
	if (missed == 0 || is_full(tracing))
		return;
	tracing->missed_count += missed;
	(void)log_escape_json(bytes_of(worker), name, sizeof name);
	if (buf_printf(&tracing->lines,
		       tracing->request.wish.as_json
			       ? "{\"kind\":\"dropped\",\"worker\":\"%s\",\"count\":%" PRIu64 "}\n"
			       : "%s ! %" PRIu64 " lines were dropped\n",
		       name, missed) != OK)
		return; /* the count at the end has them */
}

static void on_answer(void *owner, struct bytes answer)
{
	struct tracing *tracing = owner;
	struct tap_head head;
	struct bytes lines;
	if (tracing->is_left || !tap_head_read(answer, &head, &lines))
		return;
	uint64_t count = take_lines(tracing, lines);
	tell_missed(tracing, head.worker, tap_counts_note(tracing->counts, &head, count));
	write_lines(tracing);
	if (is_full(tracing))
		stop(tracing);
}

/* ---- the verb ---- */

static void watch_reader(struct tracing *tracing)
{
	struct stat status;
	if (fstat(STDOUT_FILENO, &status) != 0 || !S_ISFIFO(status.st_mode))
		return;
	tracing->reader = watch_new(tracing->errand.loop, STDOUT_FILENO, reader_gone, tracing);
	watch_want(tracing->reader, true, false);
}

static void begin(struct errand *errand)
{
	struct tracing *tracing = errand->owner;
	char id[ID_SIZE];
	const struct outlet_options options = {
		.fd = STDOUT_FILENO, .written = on_written, .owner = tracing};
	if (!trace_request_find_site(&tracing->request, errand->routing)) {
		(void)fprintf(stderr, "leveret: there is no site \"%s\"\n",
			      tracing->request.wish.site);
		errand_end(errand, EXIT_NOT_FOUND);
		return;
	}
	errand_has_no_limit(errand);
	id_new(loop_wall_ms(errand->loop), id);
	(void)snprintf(tracing->request.wish.id, sizeof tracing->request.wish.id, "%s", id);
	tracing->outlet = outlet_new(errand->loop, &options);
	tracing->renew = timer_new(errand->loop, on_renew, tracing);
	tracing->silence = timer_new(errand->loop, on_silence, tracing);
	tracing->end = timer_new(errand->loop, stop, tracing);
	watch_reader(tracing);
	timer_start(tracing->silence, SILENCE_MS);
	if (tracing->request.for_ms > 0)
		timer_start(tracing->end, tracing->request.for_ms);
	on_renew(tracing);
}

static void finish(struct errand *errand)
{
	struct tracing *tracing = errand->owner;
	asking_free(&tracing->before);
	asking_free(&tracing->asking);
	timer_free(&tracing->renew);
	timer_free(&tracing->silence);
	timer_free(&tracing->end);
	watch_free(&tracing->reader);
	outlet_free(&tracing->outlet);
}

static void state_changed(struct errand *errand, enum broker_state state)
{
	(void)errand;
	(void)fprintf(stderr,
		      state == BROKER_AWAY
			      ? "leveret: the broker is away; the trace goes on when it is back\n"
			      : "leveret: the broker is there\n");
}

static int run(const struct options *options)
{
	struct tracing tracing = {
		.errand = {.begin = begin,
			   .finish = finish,
			   .state_changed = state_changed,
			   .interrupted = interrupted},
	};
	tracing.errand.owner = &tracing;
	if (!trace_request_take(options, &tracing.request))
		return EXIT_USAGE;
	buf_init(&tracing.lines, LINES_MAX);
	tracing.counts = tap_counts_new();
	int code = errand_run(&tracing.errand, options, LIMIT_MS);
	tap_counts_free(&tracing.counts);
	buf_done(&tracing.lines);
	return code;
}

static const struct option_row rows[] = {
	{"site", 's', "SITE", "sessions with this site, or with that of this domain"},
	{"domain", 'd', "DOMAIN", "what goes to addresses of this domain"},
	{"recipient", 'r', "ADDRESS", "what goes to this address"},
	{"source", 0, "SOURCE", "what leaves from this source"},
	{"message", 'm', "ID", "what is said of this message"},
	{"headers", 0, NULL, "the header fields of messages, too"},
	{"for", 0, "TIME", "so long, as 30s or 5m (default: until it is interrupted)"},
	{"limit", 'n', "N", "end after N lines"},
};

const struct verb verb_trace = {
	.name = "trace",
	.synopsis = "--site S | --domain D | --recipient A | --source S | --message ID",
	.summary = "what workers and hosts say to each other, as it happens",
	.text = "The SMTP conversations of all workers on all hosts with what is named; of several "
		"options all must fit. > is what we send, < what the\nhost says, * what happens: "
		"hosts found, sessions, TLS, what is waited for, and the outcome of each "
		"recipient. A body is shown as its\nsize, a password as ***. Lines that are more "
		"than can be carried are dropped, and counted.\n\n"
		"  leveret trace --site gmail --for 30s\n"
		"  leveret trace --recipient ada@example.com --json | jq .text",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run,
};
