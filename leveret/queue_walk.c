/* rows of the table -> queues -> pause, and wait until workers have heard -> each queue: leases until it is quiet -> kept ones released
 *  -> all looked at: done, or once more -> resume -> end */
#include "leveret/queue_walk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

#define LIMIT_MS       20000
#define PAUSE_MS       (10 * 60 * 1000)
#define HEARD_MS       2500 /* workers look at suspensions every second */
#define FIRST_MS       3000
#define QUIET_MS       300
#define PREFETCH       65535 /* AMQP's most */
#define PREFETCH_BYTES ((size_t)512 << 20)
#define GUNZIPPED_MAX  (64u << 20)

static void next_queue(struct walk *walk);

/* ---- the end ---- */

static void on_resumed(struct errand *errand)
{
	const struct walk *walk = errand->owner;
	errand_end(errand, walk->code);
}

static void end(struct walk *walk, int code)
{
	struct directive resume = walk->subject;
	walk->code = code;
	walk->is_ending = true;
	if (!walk->is_paused) {
		errand_end(walk->errand, code);
		return;
	}
	resume.kind = DIRECTIVE_RESUME;
	suspending_append(walk->errand, walk->had_pause ? &walk->before : &resume, on_resumed);
}

static void all_looked_at(struct walk *walk)
{
	int code = EXIT_FAILED;
	walk->is_again = false;
	if (walk->is_interrupted)
		(void)fprintf(stderr, "leveret: interrupted: the rest is as it was\n");
	else
		code = walk->done(walk);
	if (walk->is_again) {
		walk->queue = NULL;
		next_queue(walk);
		return;
	}
	end(walk, walk->is_partial && code == EXIT_DONE ? EXIT_FAILED : code);
}

void walk_again(struct walk *walk)
{
	walk->is_again = true;
}

/* ---- what is done with a message ---- */

static void settle(struct taken *taken)
{
	struct walk *walk = taken->walk;
	if (taken->err) {
		(void)fprintf(stderr, "leveret: the broker did not keep a message: %s\n",
			      err_text(taken->err));
		walk->is_partial = true;
		lease_release(&taken->lease);
	} else {
		lease_ack(&taken->lease);
	}
	walk->pending--;
	arena_free(&taken->arena);
	free(taken);
}

static void on_published(void *owner, enum err err)
{
	struct taken *taken = owner;
	if (err && !taken->err)
		taken->err = err;
	if (--taken->pending == 0)
		settle(taken);
}

void walk_publish(struct taken *taken, const struct publication *publication)
{
	taken->pending++;
	broker_publish(taken->walk->errand->broker, publication, on_published, taken);
}

void walk_publish_mail(struct taken *taken, const char *key, const struct delivery_request *mail,
		       int64_t not_before_wall_ms)
{
	struct buf head;
	struct blob *content = blob_from_bytes(mail->content);
	buf_init(&head, 2 * SCHEMA_HEAD_MAX);
	enum err err = delivery_request_encode_head(mail, mail->content.len, &head);
	assert(!err); /* no more in it than was decoded */
	walk_publish(taken, &(struct publication){
				    .exchange = EXCHANGE_DELIVER,
				    .key = key,
				    .message_id = lease_message_id(taken->lease),
				    .head = buf_bytes(&head),
				    .tail = content,
				    .not_before_wall_ms = not_before_wall_ms,
			    });
	buf_done(&head);
	blob_unref(&content);
}

static enum err decode(struct taken *taken, struct delivery_request *ret)
{
	struct bytes body = lease_body(taken->lease);
	enum err err = OK;
	if (strcmp(lease_content_encoding(taken->lease), "gzip") == 0)
		err = gunzip(taken->arena, body, GUNZIPPED_MAX, &body, NULL);
	return err ? err : delivery_request_decode(taken->arena, body, ret, NULL);
}

static bool is_meant(const struct walk *walk, const struct delivery_request *mail)
{
	if (!selection_fits_queue(&walk->selection, walk->errand->routing, mail) ||
	    !selection_fits_mail(&walk->selection, mail))
		return false;
	for (size_t i = 0; i < mail->recipient_count; i++)
		if (selection_fits_recipient(&walk->selection, &mail->recipients[i]))
			return true;
	return false;
}

static void on_lease(void *owner, struct lease *lease)
{
	struct walk *walk = owner;
	struct taken *taken = memory_new(sizeof *taken);
	struct delivery_request mail;
	*taken = (struct taken){.walk = walk, .lease = lease, .arena = arena_new(), .pending = 1};
	walk->looked++;
	walk->pending++;
	bool is_over = walk->look_max > 0 && walk->looked > walk->look_max;
	if (!is_over && !walk->is_interrupted && decode(taken, &mail) == OK &&
	    is_meant(walk, &mail) && walk->look(walk, taken, &mail)) {
		on_published(taken, OK);
	} else {
		walk->pending--;
		held_add(&walk->kept, lease);
		arena_free(&taken->arena);
		free(taken);
	}
	timer_start(walk->timer, QUIET_MS);
}

/* ---- queue after queue ---- */

static void tell_rest(struct walk *walk)
{
	const struct walk_queue *queue = walk->queue;
	int64_t wanted =
		walk->look_max > 0 && walk->look_max < queue->ready ? walk->look_max : queue->ready;
	if (walk->looked >= wanted || walk->is_interrupted)
		return;
	(void)fprintf(stderr,
		      "leveret: %" PRId64 " of the %" PRId64 " messages of %s could be looked at\n",
		      walk->looked, queue->ready, queue->name);
	walk->is_partial = true;
}

/* Nothing came for a while. */
static void is_quiet(void *owner)
{
	struct walk *walk = owner;
	bool is_away = broker_state(walk->errand->broker) == BROKER_AWAY;
	if (walk->pending > 0 || is_away) {
		timer_start(walk->timer, QUIET_MS);
		return;
	}
	tell_rest(walk);
	held_release_all(&walk->kept);
	consumer_free(&walk->consumer);
	next_queue(walk);
}

static bool is_queue_of(const struct walk *walk, const char *name)
{
	struct suspension_subject subject;
	if (queue_is_waiting(name))
		return walk->takes_waiting;
	if (!walk->takes_queues ||
	    !suspending_subject_of(&walk->errand->settings->routing, name, &subject))
		return false;
	const struct selection *wanted = &walk->selection;
	bool fits_site = wanted->site.len == 0 || bytes_equal(wanted->site, subject.site) ||
			 (suspension_site_is_domain(wanted->site) &&
			  bytes_is(subject.site, SUSPENSION_TAIL));
	return fits_site && (wanted->pool.len == 0 || bytes_equal(wanted->pool, subject.pool));
}

static void next_queue(struct walk *walk)
{
	walk->queue = walk->queue ? STAILQ_NEXT(walk->queue, next) : STAILQ_FIRST(&walk->queues);
	if (!walk->queue || walk->is_interrupted) {
		all_looked_at(walk);
		return;
	}
	const struct consumer_options options = {
		.queue = walk->queue->name,
		.prefetch = walk->look_max > 0 ? (unsigned)walk->look_max : PREFETCH,
		.prefetch_bytes = PREFETCH_BYTES,
	};
	walk->looked = 0;
	walk->consumer = consumer_new(walk->errand->broker, &options, on_lease, walk);
	timer_start(walk->timer, FIRST_MS);
}

/* ---- which queues ---- */

static void on_queue(void *owner, const struct queue_status *status)
{
	struct walk *walk = owner;
	if (!is_queue_of(walk, status->name))
		return;
	walk->consumer_count += status->consumers > 0;
	if (status->ready <= 0 && status->consumers <= 0)
		return;
	struct walk_queue *queue = memory_new(sizeof *queue);
	(void)snprintf(queue->name, sizeof queue->name, "%s", status->name);
	queue->ready = status->ready;
	/* First, since what waits may come into one of the others meanwhile. */
	if (queue_is_waiting(queue->name))
		STAILQ_INSERT_HEAD(&walk->queues, queue, next);
	else
		STAILQ_INSERT_TAIL(&walk->queues, queue, next);
}

static void forget_queues(struct walk *walk)
{
	for (struct walk_queue *queue; (queue = STAILQ_FIRST(&walk->queues));) {
		STAILQ_REMOVE_HEAD(&walk->queues, next);
		free(queue);
	}
}

/* What workers held has come back: the figures are taken anew. */
static void on_counted(void *owner, enum err err)
{
	struct walk *walk = owner;
	if (walk->is_ending)
		return;
	if (err) {
		(void)fprintf(stderr, "leveret: the broker could not be asked: %s\n",
			      err_text(err));
		end(walk, EXIT_FAILED);
		return;
	}
	for (struct walk_queue *queue = STAILQ_FIRST(&walk->queues), *next; queue; queue = next) {
		next = STAILQ_NEXT(queue, next);
		if (queue->ready > 0)
			continue;
		STAILQ_REMOVE(&walk->queues, queue, walk_queue, next);
		free(queue);
	}
	next_queue(walk);
}

static void count(void *owner)
{
	struct walk *walk = owner;
	forget_queues(walk);
	broker_inspect(walk->errand->broker, false, on_queue, on_counted, walk);
}

static void on_paused(struct errand *errand)
{
	struct walk *walk = errand->owner;
	walk->is_paused = true;
	timer_start(walk->heard, HEARD_MS);
}

/* One that lasts anyhow stays as it is. */
static bool needs_pause(const struct walk *walk)
{
	const struct suspension_subject subject = {.pool = walk->subject.pool,
						   .site = walk->subject.site};
	int64_t later = loop_wall_ms(walk->errand->loop) + PAUSE_MS;
	return walk->pauses && walk->takes_queues && walk->consumer_count > 0 &&
	       !suspensions_find(walk->suspending.rows, &subject, later);
}

static void on_inspected(void *owner, enum err err)
{
	struct walk *walk = owner;
	struct directive pause = walk->subject;
	if (err || !needs_pause(walk)) {
		count(walk);
		return;
	}
	pause.kind = DIRECTIVE_SUSPEND;
	pause.until_wall_ms = loop_wall_ms(walk->errand->loop) + PAUSE_MS;
	const struct suspension *before = suspensions_same(walk->suspending.rows, &pause);
	walk->had_pause =
		before && suspension_is_in_force(before, loop_wall_ms(walk->errand->loop));
	if (walk->had_pause)
		walk->before = before->directive;
	suspending_append(walk->errand, &pause, on_paused);
}

/* ---- the errand ---- */

static void begin(struct errand *errand)
{
	struct walk *walk = errand->owner;
	errand_has_no_limit(errand);
	walk->errand = errand;
	int code = walk->choose(errand->settings, walk->options, walk->owner);
	if (code != EXIT_DONE) {
		errand_end(errand, code);
		return;
	}
	walk->timer = timer_new(errand->loop, is_quiet, walk);
	walk->heard = timer_new(errand->loop, count, walk);
	broker_inspect(errand->broker, false, on_queue, on_inspected, walk);
}

static void interrupted(struct errand *errand)
{
	struct walk *walk = errand->owner;
	walk->is_interrupted = true; /* seen when the queue is quiet */
	if (!walk->errand || walk->is_ending)
		errand_end(errand, EXIT_FAILED);
}

static void finish(struct errand *errand)
{
	struct walk *walk = errand->owner;
	held_release_all(&walk->kept);
	consumer_free(&walk->consumer);
	timer_free(&walk->timer);
	timer_free(&walk->heard);
	forget_queues(walk);
	suspending_finish(errand);
}

int walk_run(struct walk *walk, const struct options *options)
{
	struct errand errand = {.begin = suspending_begin,
				.finish = finish,
				.interrupted = interrupted,
				.owner = &walk->suspending};
	walk->suspending.told = begin;
	walk->options = options;
	STAILQ_INIT(&walk->queues);
	STAILQ_INIT(&walk->kept);
	return errand_run(&errand, options, LIMIT_MS);
}
